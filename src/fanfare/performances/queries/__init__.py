"""Reads performances, portals, quests and rewards."""
