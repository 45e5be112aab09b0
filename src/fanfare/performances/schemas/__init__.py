"""Shapes of performances, portals, quests and rewards."""
