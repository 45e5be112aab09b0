"""Ratings: 1 to 5 stars for each fan, computed from activity, connections and purchases.

The rule is in docs/decisions/0016-rating.md and in `queries.py`. A changed rating is announced as a field of the fan,
with a topic of fans.
"""
