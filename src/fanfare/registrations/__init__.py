"""Registrations of wristbands and tickets, scans at gates, and passes of campaigns, each of which admits once.

Announces registration.created, registration.updated, scan.created, pass_section.created, pass_section.updated,
pass.created, pass.claimed, pass.transferred, pass.cancelled and pass.checked_in.
"""
