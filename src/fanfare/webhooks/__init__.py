"""Webhooks: what happens in an account reaches other systems, which read its change feed or have it sent to them.

Topics of the change log: `topics.py`.
"""
