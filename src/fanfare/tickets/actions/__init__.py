"""Writes tickets and ticket events."""
