"""OpenID Connect: an account's own provider, by which its fans log in at other programs.

Nouns: a *client* is a program that logs fans in here; a *consent* is what a fan agreed that a client may read; a
*grant* is one login of a fan at a client, with the code, the access tokens and the refresh token that were issued for
it; a *subject* is what a client knows a fan by.

What it announces is in `topics.py`.
"""
