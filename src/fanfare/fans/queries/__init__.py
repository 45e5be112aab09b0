"""Reads fans and what is noted about them."""
