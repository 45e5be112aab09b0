"""Fans: identity, contact data, consent, tags, custom fields, merges and erasure.

Topics of the change log: `topics.py`.
"""
