"""A small reference application for administrative e-supervision."""
