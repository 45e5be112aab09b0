"""Shapes of ads, by noun."""
