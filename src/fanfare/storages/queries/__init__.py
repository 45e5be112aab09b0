"""Reads storages."""
