"""Shapes of imports."""
