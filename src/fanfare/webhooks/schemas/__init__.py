"""Shapes of the change feed."""
