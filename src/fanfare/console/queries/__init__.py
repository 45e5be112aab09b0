"""Reads what pages show together."""
