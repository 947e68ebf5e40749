"""A plan's city on one machine: network namespaces, the real kernel, real packets."""
