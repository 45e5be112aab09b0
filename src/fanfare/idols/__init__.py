"""Idols: artists, teams, sponsors and podcasts, their events, and who follows them.

Announces idol.created, idol.changed, idol.deleted, idol_event.created, idol_event.changed, idol_event.deleted,
fan_idol.added and fan_idol.removed.
"""
