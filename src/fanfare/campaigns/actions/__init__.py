"""Writes campaigns, activities, items, wagers, views and app events."""
