"""How the whole city is: what Prometheus says, joined with the plan."""
