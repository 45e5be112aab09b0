"""Sessions: fans who log in or come as guests, and what they see and change of themselves.

Nouns: a *session* is one fan on one device until it ends; a *guest* is a fan without a name who has one; a *login
method* is how a session began; an *attempt* counts against a *budget*. Of a session_uid only the hash is stored, so it
is known to whoever holds it and to nobody else.

What it announces is in `topics.py`.
"""
