"""Reads reports, their data and their links."""
