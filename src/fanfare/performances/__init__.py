"""Performances: shows and games, and the performances and idol events that fans put on their schedule.

What it announces is in `topics.py`.
"""
