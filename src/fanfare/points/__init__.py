"""Points: categories of points, bookings for fans, balances and leaderboards.

A booking is never changed; a balance is the sum of a fan's bookings and a rank follows from it. Both are kept beside
the bookings by the very statement that books.

What it announces is in `topics.py`.
"""
