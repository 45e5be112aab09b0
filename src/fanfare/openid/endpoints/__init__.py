"""Clients over HTTP, for who manages an account; and the calls of the protocol."""
