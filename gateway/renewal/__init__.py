"""How a gateway keeps its certificate and its lists of revocations fresh, without a person."""
