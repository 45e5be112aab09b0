"""Shapes of storages and of their objects."""
