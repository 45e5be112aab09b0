"""Performances: shows and games, and the performances and idol events that fans put on their schedule.

Announces performance.created, performance.changed, performance.deleted, schedule.added and schedule.removed.
"""
