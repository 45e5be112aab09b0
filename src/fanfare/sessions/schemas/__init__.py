"""Shapes of sessions, by noun."""
