"""Props: small JSON values under a name, and counters in them, for simple votes of sites and apps.

Topics of the change log: `topics.py`.
"""
