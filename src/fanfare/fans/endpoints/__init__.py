"""Fans over HTTP."""
