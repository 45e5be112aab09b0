"""Tickets: ticket events, and the ticket lines that fans bought for them.

Topics of the change log: `topics.py`.
"""
