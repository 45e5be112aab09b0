"""Idols: artists, teams, sponsors and podcasts, their events, and who follows them.

What it announces is in `topics.py`.
"""
