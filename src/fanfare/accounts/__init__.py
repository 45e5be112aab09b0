"""Accounts (tenants), their keys with scopes and secrets, and their businesses (teams, brands)."""
