"""Changes of streams, their records and sources."""
