"""Stores registrations and scans, and checks passes in."""
