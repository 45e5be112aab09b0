"""Campaigns: the list, one campaign with entries, board and figures, and its draws of winners."""
