"""Search: which fans, by what they are and did. Nouns: criterion, condition, search, statistics.

Criteria become one condition on a fan, by which fans are found, counted and described. A search fixes its set of fans
when it starts (`searches`, `search_chunks`) and is read by pages for a day. Criteria may name filters: what those ask
for is read here, and written by the segments above; so are the topics in `topics.py`, which the search follows.
"""
