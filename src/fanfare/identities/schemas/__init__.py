"""Shapes of providers and of identities."""
