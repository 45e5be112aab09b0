"""Kinds of rows, each with its fields."""
