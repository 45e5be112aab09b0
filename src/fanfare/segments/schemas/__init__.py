"""Shapes of filters, snapshots and segments."""
