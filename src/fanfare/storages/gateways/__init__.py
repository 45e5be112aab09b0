"""Calls S3-compatible services."""
