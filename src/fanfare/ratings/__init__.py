"""Ratings: 1 to 5 stars for each fan, out of activity, connections and purchases. Nouns: rating, part, pass.

The rule stands in docs/decisions/0016-rating.md and in `queries.py`. Announces fan.updated when a rating changed.
"""
