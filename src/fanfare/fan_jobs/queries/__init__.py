"""Reads fan jobs."""
