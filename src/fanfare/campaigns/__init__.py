"""Campaigns (page tabs) with their items, bundles and wagers, and the activities of fans in them.

A *custom* campaign belongs to an integration and is known by its title: the first activity under a new title makes it.
What it announces is in `topics.py`.
"""
