"""Purchases: lines of orders from shops and merchandise stands, tied to fans, and the products they name.

Announces purchase.created, purchase.changed and purchase.matched (its fan turned up later).
"""
