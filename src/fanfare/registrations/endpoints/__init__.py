"""Registrations, scans and passes over HTTP."""
