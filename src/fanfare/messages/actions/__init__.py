"""Sends messages, and changes templates and suppressions."""
