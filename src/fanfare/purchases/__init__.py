"""Purchases: order lines of shops and merchandise stands, linked to fans; and products.

Topics of the change log: `topics.py`.
"""
