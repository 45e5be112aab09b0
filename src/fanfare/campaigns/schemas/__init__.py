"""Schemas of campaigns, items, activities and statistics."""
