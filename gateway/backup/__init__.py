"""Archives of what would be lost with a host, judged before they are kept or put back."""
