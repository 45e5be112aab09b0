"""Calls of the fan search, of segments and of filters."""
