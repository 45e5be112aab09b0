"""Segments: named groups of fans. Nouns: filter, snapshot, segment, member.

Filters (stored searches), snapshots (frozen lists) and tags are segments, and a search may have them as criteria. The
members of an active filter are kept up to date, and each change is announced. The topics are in `search/topics.py`.
"""
