"""Streams: the list, the queue of moderation, authors, sources and settings."""
