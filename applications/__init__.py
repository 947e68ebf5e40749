"""Applications that stand behind the gateway, and what every such application needs."""
