"""Processes: settings, logs, children, the embedded PostgreSQL, and fair turns at what a process has."""
