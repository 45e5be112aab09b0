"""Fans: who they are, how they are recognised and reached, what they agreed to, and what is noted about them.

Announces fan.created, fan.updated, fan.deleted, fan.identified, fan.unidentified, consent.given, consent.withdrawn,
tag.created, tag.deleted, tag.added, tag.removed, field.saved, field.deleted, address.saved, address.deleted,
name_word.saved, name_word.deleted and push_token.saved.
"""
