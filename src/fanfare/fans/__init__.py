"""Fans: who they are, how they are recognised and reached, what they agreed to, and what is noted about them.

What it announces is in `topics.py`.
"""
