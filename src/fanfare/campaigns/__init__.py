"""Campaigns (page tabs) with their items, bundles and wagers, and the activities of fans in them.

A *custom* campaign belongs to an integration and is identified by its title: the first activity under a new title
creates it. Topics of the change log: `topics.py`.
"""
