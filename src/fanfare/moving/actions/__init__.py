"""Pulls an account, table by table, a page in a transaction."""
