"""Ratings: 1 to 5 stars for each fan, out of activity, connections and purchases. Nouns: rating, part, pass.

The rule stands in docs/decisions/0016-rating.md and in `queries.py`.
A rating that changed is announced as a fan's field, which a topic of the fans is for.
"""
