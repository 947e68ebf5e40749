"""The only code that changes a host: stage, check, commit, prove, confirm or revert."""
