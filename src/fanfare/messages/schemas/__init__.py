"""Shapes of messages, templates and suppressions."""
