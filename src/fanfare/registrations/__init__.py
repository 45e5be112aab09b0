"""Registrations of wristbands and tickets, scans at gates, and passes of campaigns, each of which admits once.

What it announces is in `topics.py`.
"""
