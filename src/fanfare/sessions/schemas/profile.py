"""Shapes of what fans change of themselves."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.fans.schemas.fans import BirthDate, Fields, Mail, Phone, wrong_contact
from fanfare.kernel.parameters import Params, RequestContext
from fanfare.kernel.wire import Address, AnyForm, Flag, FlagForm, Text, Uuid, Wildcard, future_faults
from fanfare.sessions.schemas.connect import LoginPassword, weak_password

MAX_PROPS = 100
MAX_TAGS = 100
LONGEST_PROPS = 16_384
LONGEST_TAG = 255


class Profile(Params):
    """Fields of the signed-in fan to update; an empty value clears a field; a field left out stays as it is."""

    session_uid: Annotated[Uuid, "Session of the fan."]
    first_name: Annotated[Text | None | UnsetType, "Given name of the fan."] = UNSET
    last_name: Annotated[Text | None | UnsetType, "Family name of the fan."] = UNSET
    email: Annotated[Mail | None | UnsetType, "Email address of the fan."] = UNSET
    password: Annotated[LoginPassword | None, "New password; it ends the fan's other sessions."] = None
    is_subscribed: Annotated[Flag | None, "Email opt-in as true/false/on/off."] = None
    is_phone_subscribed: Annotated[Flag | None, "SMS opt-in as true/false/on/off."] = None
    phone: Annotated[Phone | None | UnsetType, "Phone number of the fan."] = UNSET
    birth_date: Annotated[BirthDate | None | UnsetType, "Date of birth."] = UNSET
    ip_address: Annotated[Address | None, "IP address of the fan; used only with the secret."] = None
    props: Annotated[
        dict[str, Any] | None,
        Wildcard("props_", AnyForm()),
        "Free extra value; the part after props_ is its name. An empty value removes it.",
    ] = None
    fields: Fields = None
    tags: Annotated[
        dict[str, bool | None] | None,
        Wildcard("tag_", FlagForm()),
        "true adds a tag, false removes it; the part after tag_ is the tag.",
    ] = None

    example: ClassVar[Mapping[str, object]] = {"first_name": "Ada", "props_seat": "A12", "is_subscribed": True}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a weak password, and more or longer names and values than a fan may have."""
        yield from weak_password(values)
        yield from wrong_contact(values)
        if len(values.get("tags") or ()) > MAX_TAGS:
            yield "tag_*", f"must be at most {MAX_TAGS} tags"
        for name in values.get("tags") or ():
            if not name.strip() or len(name) > LONGEST_TAG:
                yield f"tag_{name[:LONGEST_TAG]}", f"must name a tag of 1 to {LONGEST_TAG} characters"
        yield from props_faults(values.get("props") or {})

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Refuse what cannot be yet."""
        yield from future_faults(context.now, values, "birth_date")


def props_faults(props: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a fault when a fan would have too many extra values, or too long ones."""
    if len(props) > MAX_PROPS:
        yield "props_*", f"must be at most {MAX_PROPS} values"
    elif len(msgspec.json.encode(props)) > LONGEST_PROPS:
        yield "props_*", f"must be at most {LONGEST_PROPS} bytes as JSON"


class ProfileSaved(msgspec.Struct):
    """The fan that was saved."""

    fan_id: int
