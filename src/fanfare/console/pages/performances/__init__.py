"""Performances with their quests, rewards and schedules, and portals."""
