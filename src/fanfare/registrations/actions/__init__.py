"""Stores registrations and scans, and lets passes in."""
