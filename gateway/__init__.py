"""Loushan: what the Bureau signed is what the network does, and that is proven."""

#: The same as in `pyproject.toml`; a test holds them together.
__version__ = "0.1.0"
