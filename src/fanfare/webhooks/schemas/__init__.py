"""Shapes of the change feed, of webhooks and of deliveries."""
