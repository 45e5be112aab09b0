"""Reads segments, their members, and why a fan is in one."""
