"""What is allowed: documents, the model, the checks and the reference decision."""
