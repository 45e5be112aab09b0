"""Starts, cancels and carries out fan jobs."""
