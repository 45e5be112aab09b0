"""Reads messages, templates and suppressions."""
