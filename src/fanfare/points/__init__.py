"""Points: categories, awards to fans, balances and leaderboards.

Awards are immutable; a balance is the sum of a fan's awards, and ranks are derived from balances. The statement that
inserts an award also updates both.

Topics of the change log: `topics.py`.
"""
