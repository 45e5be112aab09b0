"""Processes: settings, logs, child processes, the embedded PostgreSQL, and fair sharing of a process's resources."""
