"""Schemas of fans and their attributes, consents, merges and erasures."""
