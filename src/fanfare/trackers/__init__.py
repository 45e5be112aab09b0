"""Trackers: short links that redirect, the clicks on them, and the sales that are attributed to them.

Nouns: a *tracker* is a link; its *target* is where it redirects; a *click* is one request of it, with a *verdict* on
who or what made it; a *tracker event* is a sale, and a *share* the part of it that a click is credited with; a
*virtual domain* is a host of the account on which its trackers redirect.

Topics of the change log: `topics.py`.
"""
