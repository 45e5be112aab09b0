"""Performances: shows and games, and the performances and idol events that fans put on their schedule.

Topics of the change log: `topics.py`.
"""
