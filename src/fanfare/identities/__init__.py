"""External identities: fans who log in with an account that they have elsewhere.

Nouns: an *identity provider* is an OpenID provider that an account accepts, for all its businesses or one; a *preset*
fills in what is the same for everybody who uses a large one; an *identity* is what a provider says of a person, whom it
names by *issuer* and *subject*; a *link* is the row that says which fan has it.

What it announces is in `topics.py`.
"""
