"""Reads streams, their records and sources."""
