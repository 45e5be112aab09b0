"""Reads projects, and sums figures."""
