"""Reads registrations, scans and passes."""
