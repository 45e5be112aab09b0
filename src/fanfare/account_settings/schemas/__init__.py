"""Shapes of the settings of an account."""
