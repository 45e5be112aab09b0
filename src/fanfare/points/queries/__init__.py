"""Reads points: categories, awards, boards, and the reasons of awards."""
