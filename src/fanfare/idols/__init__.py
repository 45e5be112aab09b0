"""Idols: artists, teams, sponsors and podcasts, their events, and the fans who follow them.

Topics of the change log: `topics.py`.
"""
