"""Shapes of registrations, scans and passes."""
