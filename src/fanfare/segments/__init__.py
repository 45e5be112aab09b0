"""Segments: which fans, by what they are and did. Nouns: search, criterion, tag as a segment.

A search fixes its set of fans when it starts (`searches`, `search_chunks`) and is read by pages for a day.
Announces nothing yet.
"""
