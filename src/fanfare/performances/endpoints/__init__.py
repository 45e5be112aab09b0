"""HTTP endpoints of performances, portals, quests and rewards."""
