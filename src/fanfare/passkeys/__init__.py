"""Passkeys: credentials (WebAuthn) with which fans log in, and where each account lets them.

Nouns: a *passkey* is a public key of a fan, whose private key is with the fan's device or password manager; a *relying
party* is the host for which it was made (`rp_id`), with the *origins* of the pages and apps that may use it; a
*challenge* is a sealed text that the device signs, once, within five minutes. What a session does with passkeys is in
`sessions`, above.

What it announces is in `topics.py`.
"""
