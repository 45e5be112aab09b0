"""Shapes of people, their sessions and their place in an account."""

import uuid
from datetime import datetime, timedelta

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.errors import Forbidden, Unknown
from fanfare.staff.schemas.masking import Mask
from fanfare.staff.schemas.roles import FULL, Right, Rights

# How long a proof of who somebody is counts for keys, exports and erasures.
FRESH = timedelta(minutes=10)


class RoleForbids(Forbidden):
    """Your role does not allow this"""


class Limited(Forbidden):
    """Only people who work for all businesses can do this"""


class Person(msgspec.Struct, frozen=True):
    """Somebody who can sign in."""

    staff_id: int
    email: str
    staff_name: str
    has_password: bool
    has_totp: bool
    passkey_count: int
    # whether the person has shown that they read the mail of the address
    is_proved: bool
    # changes with the password
    password_mark: str

    @property
    def has_second_factor(self) -> bool:
        """Whether a password alone is not enough."""
        return self.has_totp or self.passkey_count > 0


class StaffSession(msgspec.Struct, frozen=True):
    """The session of a browser, and whose it is."""

    session_id: int
    person: Person
    sign_in_method: str
    proved_at: datetime
    # the account whose provider vouches for the person, and in which alone the session is good
    account_id: int | None = None

    def is_fresh(self, now: datetime) -> bool:
        """Return whether the person has shown who they are in the last ten minutes."""
        return now - self.proved_at <= FRESH

    @property
    def needs_second_factor(self) -> bool:
        """Whether the person has to set one up before anything else."""
        return self.sign_in_method == "password" and not self.person.has_second_factor


class Member(msgspec.Struct, frozen=True):
    """A person who is signed in, in one of their accounts."""

    session: StaffSession
    account: Account
    role: str
    rights: Rights
    # None for all businesses
    business_ids: tuple[int, ...] | None
    # whether the account wants everybody but the role full to come by single sign-on
    is_sso_forced: bool = False

    @property
    def has_to_use_sso(self) -> bool:
        """Whether the session is not good enough for the account: somebody with the role full can always come in."""
        return self.is_sso_forced and self.session.account_id is None and self.role != FULL

    @property
    def person(self) -> Person:
        """Who it is."""
        return self.session.person

    def may(self, area: str, right: Right = "read") -> bool:
        """Return whether the role allows something in an area."""
        return right in self.rights.get(area, ())

    def require(self, area: str, right: Right = "read") -> None:
        """Raise RoleForbids (403) unless the role allows it."""
        if not self.may(area, right):
            raise RoleForbids

    def mask(self, area: str) -> Mask:
        """Return the mask of what is shown in an area: on without the right to see personal data there."""
        return Mask(is_on=not self.may(area, "personal"))

    @property
    def is_limited(self) -> bool:
        """Whether the person works for some businesses only."""
        return self.business_ids is not None

    def sees_business(self, business_id: int | None) -> bool:
        """Return whether the person sees what belongs to a business; None is what belongs to none of them."""
        return self.business_ids is None or business_id in self.business_ids

    def require_business(self, business_id: int | None, **keys: int | uuid.UUID | str | None) -> None:
        """Raise Unknown (404), as for a thing that is not there, for one of a business that the person does not see.

        `keys` are the noun and key of the thing: `campaign=5`.
        """
        if not self.sees_business(business_id):
            raise Unknown(None, **keys)

    def require_all_businesses(self) -> None:
        """Raise Limited (403) for people who are limited to businesses."""
        if self.is_limited:
            raise Limited
