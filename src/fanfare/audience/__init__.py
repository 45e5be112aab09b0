"""Audience: an index of fans by the values of criteria, as compressed bitmaps in a separate process.

The index answers from the same state of the tables that an SQL statement would see. Where it has no plan for a
criterion, or gives no answer in time, `counting` uses SQL, which remains the definition. See
docs/decisions/0021-audience-index.md.
"""
