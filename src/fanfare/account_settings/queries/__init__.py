"""Reads the settings of an account."""
