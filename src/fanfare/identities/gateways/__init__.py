"""What asks providers: for their keys, for who has a token, and for the token of a code."""
