"""What Loushan is held to."""
