"""Moving in: accounts of the original service, pulled through its documented calls.

Nouns: move, table, row, outcome, note.
"""
