"""Tables of the source: how each is read, and what writes its rows."""
