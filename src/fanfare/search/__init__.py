"""Search: fans by who they are and what they did. Nouns: criterion, condition, search, statistics.

Criteria become one SQL condition on a fan, used to find, count and describe fans. A search fixes its set of fans when
it starts (`searches`, `search_chunks`) and is read by pages for 24 hours. Criteria may refer to filters, which
`segments` writes; their criteria are read here.
"""
