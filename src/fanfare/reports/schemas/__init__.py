"""Shapes of reports, by noun."""
