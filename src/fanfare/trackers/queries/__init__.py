"""Reads trackers, clicks, sales and domains."""
