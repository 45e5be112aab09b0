"""Changes categories of points, awards points, and keeps balances and ranks."""
