"""Starts searches, saves filters, freezes snapshots."""
