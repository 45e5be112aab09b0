"""Shapes of portals."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.data.paging import NextCursor
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import LimitForm, Text, TextForm, Uuid
from fanfare.performances.schemas.performances import GroupName, PerformanceFields

ROWS = 500
SHORTEST_PASSWORD = 8
# What is shown of a password: that there is one.
MASK = "********"
PortalPassword = Annotated[str, TextForm(256)]


class Portal(msgspec.Struct):
    """A portal; timestamps in unix seconds.

    `password` is null, or asterisks when there is one. `templates_created` counts the performances created through it.
    """

    portal_uid: uuid.UUID
    account_id: int
    portal_name: str
    performance_group_name: str
    password: str | None
    templates_created: int
    creation_timestamp: int
    last_access_timestamp: int | None


class PortalQuery(Params):
    """Which portals."""

    limit: Annotated[Annotated[int, LimitForm(ROWS)], "Maximum number of rows to return."] = ROWS
    cursor: NextCursor = None


class OnePortal(Params):
    """The uid of a portal."""

    portal_uid: Annotated[Uuid, "Portal by its uid."]


def password_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the error of a password that is too short."""
    if (password := values.get("password")) and len(password) < SHORTEST_PASSWORD:
        yield "password", f"must be at least {SHORTEST_PASSWORD} characters"


class NewPortal(Params):
    """A portal to create."""

    portal_name: Annotated[Text, "Name of the portal."]
    performance_group_name: Annotated[GroupName, "Performance group the portal serves, shorter than 128 characters."]
    password: Annotated[PortalPassword | None, "Password visitors of the portal must give, at least 8 characters."] = (
        None
    )

    example: ClassVar[Mapping[str, object]] = {
        "portal_name": "Promoters of the summer",
        "performance_group_name": "Summer 2027",
        "password": "correct horse",
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a short password."""
        return password_faults(values)


class PortalChanges(OnePortal, kw_only=True):
    """The new state of a portal; a password left out stays as it is, an empty one is removed."""

    portal_name: Annotated[Text, "Name of the portal."]
    performance_group_name: Annotated[GroupName, "Performance group the portal serves, shorter than 128 characters."]
    password: Annotated[
        PortalPassword | None | UnsetType, "Password visitors of the portal must give; empty removes it."
    ] = UNSET

    example: ClassVar[Mapping[str, object]] = {
        "portal_name": "Promoters of the summer",
        "performance_group_name": "Summer 2027",
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a short password."""
        return password_faults(values)


class PortalSaved(msgspec.Struct):
    """The portal that was saved."""

    portal_uid: uuid.UUID


class PortalVisit(OnePortal, kw_only=True):
    """A visitor of a portal."""

    password: Annotated[PortalPassword | None, "Password of the portal, if it has one."] = None

    example: ClassVar[Mapping[str, object]] = {}


class OpenPortal(msgspec.Struct):
    """What a visitor sees of a portal."""

    portal_uid: uuid.UUID
    portal_name: str
    performance_group_name: str


class NewTemplate(PerformanceFields, kw_only=True):
    """A performance that a visitor of a portal creates; it is a draft in the portal's group."""

    portal_uid: Annotated[Uuid, "Portal by its uid."]
    password: Annotated[PortalPassword | None, "Password of the portal, if it has one."] = None

    example: ClassVar[Mapping[str, object]] = {
        "performance_name": "Northside FC - Harbour United",
        "performance_date": "2027-07-03",
    }
