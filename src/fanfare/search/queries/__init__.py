"""Conditions from criteria; fans, counts and statistics by condition; stored searches; tags."""
