"""Reads fans and their identifiers, consents, tags, custom fields, merges and erasures."""
