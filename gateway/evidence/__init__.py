"""Which clause is met, shown by the running hosts."""
