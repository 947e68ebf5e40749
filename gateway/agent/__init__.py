"""Keeps a gateway on the policy that was signed: brings it in, proves it, puts it back."""
