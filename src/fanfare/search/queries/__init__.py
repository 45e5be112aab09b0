"""Reads criteria against the tables: conditions, running searches, statistics, tags."""
