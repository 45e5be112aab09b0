"""Reads campaigns, items, wagers, activities and statistics."""
