"""Reads providers and identities."""
