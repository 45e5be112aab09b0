"""Reads clients, keys, consents and what a token opens."""
