"""Reads tickets by pages, events, and what was sold."""
