"""Segments: which fans, by what they are and did. Nouns: search, criterion, filter, snapshot, segment, member.

A search fixes its set of fans when it starts (`searches`, `search_chunks`) and is read by pages for a day.
A filter (a stored search) and a snapshot (a frozen list) are segments too, and may be criteria of a search.
Announces: `filter.created|changed|deleted`, `snapshot.created|deleted`,
`segment.built` (who was in a filter when it was first built), `segment.entered`, `segment.left`.
"""
