"""Reads draws, who takes part, their lists and winners."""
