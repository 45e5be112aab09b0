"""Ads: projects with budget lines, and the figures of ads by day, as platforms export them.

Topics of the change log: `topics.py`.
"""
