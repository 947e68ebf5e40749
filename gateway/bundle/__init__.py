"""One file from which a site without any network is set up."""
