"""Shapes of exports."""
