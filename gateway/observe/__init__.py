"""The decision log of a gateway: followed, chained, signed, verified, looked up."""
