"""Draws of winners among the entries of campaigns, which anybody can replay: docs/draws.md.

A *draw* commits itself to a seed by its hash, then draws from the *list* of its *entrants*. What was decided is only
ever added to. Topics of the change log: `topics.py`.
"""
