"""Reads a host back and proves that it does what was signed, or says where it does not."""
