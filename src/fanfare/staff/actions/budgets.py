"""How often people may try to sign in, counted in the database over all server processes."""

from datetime import timedelta

from fanfare.kernel.addresses import subscriber
from fanfare.sessions.actions.budgets import Attempt, Budget

# Wrong passwords of one email address: a short lock, and a limit for a day.
PASSWORDS = Budget("staff passwords", 10, timedelta(minutes=15))
DAILY_PASSWORDS = Budget("daily staff passwords", 100, timedelta(days=1))
# Wrong codes of one person.
CODES = Budget("staff codes", 5, timedelta(minutes=10))
DAILY_CODES = Budget("daily staff codes", 50, timedelta(days=1))
# Wrong passwords, codes, passkeys and links from one IP address.
FAILURES = Budget("staff failures", 100, timedelta(hours=1))
# Links for new passwords to one address, and those that one IP address asks for.
LINKS = Budget("staff links", 5, timedelta(hours=1))
CALLER_LINKS = Budget("staff links of a caller", 50, timedelta(hours=1))
# Invitations that an account sends.
INVITATIONS = Budget("staff invitations", 200, timedelta(days=1))


def _failure(address: str | None) -> Attempt:
    return Attempt(FAILURES, subscriber(address))


def password_attempts(email_key: str, address: str | None) -> list[Attempt]:
    """Return what a wrong password counts for."""
    return [_failure(address), Attempt(PASSWORDS, email_key), Attempt(DAILY_PASSWORDS, email_key)]


def code_attempts(staff_id: int, address: str | None) -> list[Attempt]:
    """Return what a wrong code counts for."""
    return [_failure(address), Attempt(CODES, str(staff_id)), Attempt(DAILY_CODES, str(staff_id))]


def passkey_attempts(address: str | None) -> list[Attempt]:
    """Return what an answer with an unknown passkey counts for."""
    return [_failure(address)]


def link_attempts(email_key: str, address: str | None) -> list[Attempt]:
    """Return what a request for a new password counts for."""
    return [Attempt(CALLER_LINKS, subscriber(address)), Attempt(LINKS, email_key)]
