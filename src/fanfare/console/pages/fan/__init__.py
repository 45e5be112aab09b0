"""Pages of one fan: the profile, changes, merges, export and erasure."""
