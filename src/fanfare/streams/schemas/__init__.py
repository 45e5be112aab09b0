"""Shapes of streams, their records and sources, and the words of captions."""
