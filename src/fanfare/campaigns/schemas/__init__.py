"""Shapes of campaigns and activities, by noun."""
