"""Schemas of registrations, scans and passes."""
