"""Writes campaigns and activities, by noun."""
