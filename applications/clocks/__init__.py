"""The time limits of the Administrative Licensing Law, in working days."""
