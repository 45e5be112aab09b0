"""Registrations of wristbands and tickets, scans at gates, and passes of campaigns, each of which admits once.

Topics of the change log: `topics.py`.
"""
