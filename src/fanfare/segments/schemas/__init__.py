"""Shapes of the fan search, of segments, of filters and of their statistics."""
