"""Shapes of trackers, by noun."""
