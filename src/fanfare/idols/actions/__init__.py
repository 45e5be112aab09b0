"""Writes idols and their events, and links fans to idols."""
