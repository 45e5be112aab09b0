"""How often people may try to sign in, counted in the database over all server processes.

A browser in which somebody signed in before, and a session, have counts of their own: strangers who type wrong
passwords lock other strangers. Passkeys cannot be guessed and are not counted.
"""

from datetime import timedelta

import msgspec

from fanfare.kernel.addresses import subscriber
from fanfare.sessions.actions.budgets import Attempt, Budget

# Wrong passwords of one email address from one IP address; of one email address in a day.
PASSWORDS = Budget("staff passwords", 10, timedelta(minutes=15))
DAILY_PASSWORDS = Budget("daily staff passwords", 100, timedelta(days=1))
# Wrong codes of one person.
CODES = Budget("staff codes", 5, timedelta(minutes=10))
DAILY_CODES = Budget("daily staff codes", 50, timedelta(days=1))
# Wrong passwords and codes from one IP address.
FAILURES = Budget("staff failures", 100, timedelta(hours=1))
# Links for new passwords: the pause between two to one address, those of a day, those that one IP address asks for, and
# those of the installation.
LINK_PAUSE = Budget("staff link pause", 1, timedelta(seconds=30))
DAILY_LINKS = Budget("daily staff links", 10, timedelta(days=1))
CALLER_LINKS = Budget("staff links of a caller", 50, timedelta(hours=1))
ALL_LINKS = Budget("all staff links", 2000, timedelta(days=1))
# Invitations that an account sends.
INVITATIONS = Budget("staff invitations", 200, timedelta(days=1))


class Origin(msgspec.Struct, frozen=True):
    """From where somebody tries: an IP address, and a browser or session in which the person signed in before."""

    address: str | None
    email_key: str = ""
    browser: str = ""

    def familiar(self, email_key: str) -> str:
        """Return the subject of the counts for the browser of a person; empty for strangers."""
        return f"{email_key} {self.browser}" if self.browser and self.email_key == email_key else ""


def password_attempts(email_key: str, origin: Origin) -> list[Attempt]:
    """Return what a wrong password counts for."""
    if subject := origin.familiar(email_key):
        return [Attempt(PASSWORDS, subject), Attempt(DAILY_PASSWORDS, subject)]
    caller = subscriber(origin.address)
    return [
        Attempt(FAILURES, caller),
        Attempt(PASSWORDS, f"{email_key} {caller}"),
        Attempt(DAILY_PASSWORDS, email_key),
    ]


def code_attempts(email_key: str, origin: Origin) -> list[Attempt]:
    """Return what a wrong code counts for."""
    if subject := origin.familiar(email_key):
        return [Attempt(CODES, subject), Attempt(DAILY_CODES, subject)]
    return [Attempt(FAILURES, subscriber(origin.address)), Attempt(CODES, email_key), Attempt(DAILY_CODES, email_key)]


def link_attempts(email_key: str, origin: Origin) -> list[Attempt]:
    """Return what a request for a new password counts for."""
    if subject := origin.familiar(email_key):
        return [Attempt(LINK_PAUSE, subject), Attempt(DAILY_LINKS, subject)]
    return [
        Attempt(CALLER_LINKS, subscriber(origin.address)),
        Attempt(ALL_LINKS, "links"),
        Attempt(LINK_PAUSE, email_key),
        Attempt(DAILY_LINKS, email_key),
    ]
