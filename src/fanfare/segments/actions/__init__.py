"""Saves filters, creates snapshots, keeps the members of filters up to date."""
