"""Shapes of sessions: read, listed and ended; and what a site shows of a business."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Id, Uuid


class OneSession(Params):
    """Which session, by what its holder was told."""

    session_uid: Annotated[Uuid, "Session of the fan."]


class SessionFan(msgspec.Struct, kw_only=True):
    """The fan of a session. Names, places, coordinates, email and ip_address are absent when unknown, the rest null.

    creation_timestamp is in unix seconds, rating from 1 to 5, phone E.164, birth_date YYYY-MM-DD; `fields` are custom
    values written `key=value`.
    """

    fan_id: int
    account_id: int
    name: str | msgspec.UnsetType = msgspec.UNSET
    first_name: str | msgspec.UnsetType = msgspec.UNSET
    last_name: str | msgspec.UnsetType = msgspec.UNSET
    email: str | msgspec.UnsetType = msgspec.UNSET
    province: str | msgspec.UnsetType = msgspec.UNSET
    latitude: float | msgspec.UnsetType = msgspec.UNSET
    longitude: float | msgspec.UnsetType = msgspec.UNSET
    creation_timestamp: int
    ip_address: str | msgspec.UnsetType = msgspec.UNSET
    country_code: str | msgspec.UnsetType = msgspec.UNSET
    city: str | msgspec.UnsetType = msgspec.UNSET
    is_subscribed: bool
    is_phone_subscribed: bool
    rating: float | None
    phone: str | None
    birth_date: str | None
    metro_area: str | None
    postal_code: str | None
    fields: list[str]
    image_url: str | None
    gender: str | None
    tags: list[str]


class FanSession(msgspec.Struct):
    """A session as the account lists it. Timestamps are unix seconds."""

    session_id: int
    fan_id: int
    login_method: str
    business_id: int | None
    page_tab_id: int | None
    ip_address: str | None
    device_id: str | None
    device_network: str | None
    creation_timestamp: int
    use_timestamp: int
    expiration_timestamp: int


class FanSessions(Params):
    """Whose sessions."""

    fan_id: Annotated[Id, "Fan whose sessions."]


class SessionById(Params):
    """Which session, by its number in the list."""

    session_id: Annotated[Id, "Session to end."]


class SessionsEnded(msgspec.Struct):
    """How many sessions were ended."""

    session_count: int


class SiteQuery(Params):
    """What a site shows before its fans log in."""

    business_id: Annotated[Id | None, "Business of the site; required if the account has several."] = None

    example: ClassVar[Mapping[str, object]] = {"business_id": 4}


class Site(msgspec.Struct):
    """Texts and picture of a business for a site's login.

    header_text is `header_text` of the business's locale_props, else its name; image_url is `logo` of its media_map.
    """

    legal_terms: str | None
    legal_privacy: str | None
    header_text: str | None
    image_url: str | None
