"""Calls of segments and of filters."""
