"""Loushan: what the Bureau signed is what the network does, and that is proven."""
