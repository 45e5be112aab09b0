"""Loads the place tables from packages with public lists; not used by a running server."""
