"""Shapes of the page "my data"."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from fanfare.hosted.schemas.preferences import Choices
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Flag, Id, Text
from fanfare.sessions.schemas.connect import LoginPassword, weak_password

OwnAccount = Annotated[Id, "Account whose fan looks at the page."]
LookBusiness = Annotated[Id | None, "Business whose look the page has."]


class MyDataQuery(Params, kw_only=True):
    """Which account, and the business whose look the page has."""

    account_id: OwnAccount
    business_id: LookBusiness = None
    is_saved: Annotated[Flag, "Something was just saved."] = False


class MyChoices(Choices, kw_only=True):
    """What the fan ticked."""

    account_id: OwnAccount
    business_id: LookBusiness = None

    def query(self) -> MyDataQuery:
        """Return the parameters of the page."""
        return MyDataQuery(account_id=self.account_id, business_id=self.business_id)


class MyName(MyDataQuery, kw_only=True):
    """The name of the fan; what is left empty is cleared."""

    first_name: Annotated[Text | None, "Given name."] = None
    last_name: Annotated[Text | None, "Family name."] = None


class MyPassword(MyDataQuery, kw_only=True):
    """A new password."""

    password: Annotated[LoginPassword, "New password, at least 8 characters."]

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield a fault for a password that is too short."""
        yield from weak_password(values)


class MySession(MyDataQuery, kw_only=True):
    """A session of the fan to end; without one, all of them."""

    session_id: Annotated[Id | None, "Session to end."] = None


class MyIdentity(MyDataQuery, kw_only=True):
    """An external identity of the fan to remove."""

    identity_id: Annotated[Id, "External identity by its id."]


class Entry(msgspec.Struct, frozen=True):
    """One thing that is stored of a fan: when, and what."""

    moment: datetime
    label: str | None


class Group(msgspec.Struct, frozen=True):
    """The number of things of a kind that are stored of a fan, and the latest of them."""

    title: str
    count: int
    latest: list[Entry]


class Login(msgspec.Struct, frozen=True):
    """An external identity that the fan can log in with, by the name of its provider."""

    identity_id: int
    title: str
    use_timestamp: int


class MyData(msgspec.Struct, frozen=True):
    """What the page shows beside the fan's own record."""

    groups: list[Group]
    points: list[tuple[str, int]]
    identities: list[tuple[str, str]]
    logins: list[Login]
    # whether the fan has agreed to log in at programs by OpenID Connect
    has_programs: bool
