"""Changes performances, schedules, portals, quests and rewards."""
