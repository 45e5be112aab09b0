"""Reads people, members and sessions."""
