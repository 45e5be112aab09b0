"""Saves filters, freezes snapshots, keeps members."""
