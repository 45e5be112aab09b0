"""Reads sessions, their fans, and the businesses that they are for."""
