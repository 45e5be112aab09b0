"""Shapes of points, by noun."""
