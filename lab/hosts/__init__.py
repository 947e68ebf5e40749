"""Boots a plan's city of real Debian hosts on one machine."""
