"""Purchases: lines of orders from shops and merchandise stands, tied to fans, and the products they name.

What it announces is in `topics.py`.
"""
