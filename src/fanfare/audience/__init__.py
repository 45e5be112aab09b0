"""Audience: the index of which fans have which value of each criterion, as compressed bitmaps in a process of its own.

SQL over the tables stays the definition. The index answers what it knows, from the very state of the tables that a
statement would see; for everything else, and whenever it is not there in time, `counting` asks the tables.
Why so: docs/decisions/0021-audience-index.md.
"""
