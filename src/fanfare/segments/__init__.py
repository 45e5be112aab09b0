"""Segments: groups of fans under a name. Nouns: filter, snapshot, segment, member.

A filter (a stored search), a snapshot (a frozen list) and a tag are segments, and may be criteria of a search. The
members of an active filter are kept, and announced fan by fan. What it announces is in `search/topics.py`.
"""
