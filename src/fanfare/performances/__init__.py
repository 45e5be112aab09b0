"""Performances: shows and games with their portals, quests and rewards, and what fans put on their schedule.

Topics of the change log: `topics.py`.
"""
