"""Exports: tables and searches as files, with a manifest, fetched by links that end.

The list of what is announced is in topics.py.
"""
