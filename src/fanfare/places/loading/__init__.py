"""Fills the tables of places from packages that carry public lists; nothing of it is needed while Fanfare serves."""
