"""Accounts (tenants), their keys with scopes and secrets, and their businesses (teams, brands).

Announces business.created, business.changed and business.deleted.
"""
