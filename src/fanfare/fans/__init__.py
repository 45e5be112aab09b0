"""Fans: who they are, how they are recognised and reached, what they agreed to, and what is noted about them.

Announces fan.created, fan.updated, fan.deleted, fan.identified, fan.unidentified, consent.given, consent.withdrawn,
tag.added, tag.removed, field.saved and field.deleted.
"""
