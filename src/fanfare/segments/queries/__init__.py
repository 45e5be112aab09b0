"""Reads fans by criteria and tags by time."""
