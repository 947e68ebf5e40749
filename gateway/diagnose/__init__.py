"""What is wrong with a link, found out on the gateway that has it."""
