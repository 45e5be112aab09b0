"""Calls on segments and on filters."""
