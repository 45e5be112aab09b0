"""Reads what all domains have of one fan."""
