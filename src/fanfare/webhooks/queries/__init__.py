"""Reads the change feed, webhooks and their deliveries."""
