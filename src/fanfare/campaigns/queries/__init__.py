"""Reads campaigns, activities and their figures, by noun."""
