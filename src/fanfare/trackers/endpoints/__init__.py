"""HTTP of trackers, by noun."""
