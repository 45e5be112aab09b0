"""Shapes of the search and of statistics."""
