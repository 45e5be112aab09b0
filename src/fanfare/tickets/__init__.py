"""Tickets: events that are sold, and the lines that fans bought for them.

What it announces is in `topics.py`.
"""
