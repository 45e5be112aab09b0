"""Writes fans and their identifiers, consents, tags and custom fields."""
