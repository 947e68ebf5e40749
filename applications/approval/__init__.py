"""A small reference application for online approval."""
