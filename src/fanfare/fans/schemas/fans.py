"""Schemas of fans: responses, creation, changes."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.fans.contact import mail_address, phone_number, read_contact
from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params, RequestContext
from fanfare.kernel.wire import (
    Address,
    AnyForm,
    ChoiceForm,
    DayForm,
    Flag,
    FlagForm,
    Form,
    Id,
    Latitude,
    Longitude,
    Moment,
    Text,
    TextForm,
    Texts,
    TimeKeyForm,
    Wildcard,
    future_faults,
    text_of,
)

Gender = Annotated[str, ChoiceForm("male", "female", "diverse", "other", "empty")]
PlaceName = Annotated[str, TextForm(128)]
Phone = Annotated[str, TextForm(64)]
Password = Annotated[str, TextForm(256)]
BirthDate = Annotated[date, DayForm(1900, 2200)]


class MailForm(Form):
    """An email address, normalised for display."""

    def read(self, raw: object) -> str:
        """Return the address; ValueError if it is invalid."""
        return mail_address(text_of(raw))

    def schema(self) -> dict[str, object]:
        """Describe the address."""
        return {"type": "string", "format": "email", "maxLength": 254}


Mail = Annotated[str, MailForm()]
Fields = Annotated[
    dict[str, Any] | None, Wildcard("field_", AnyForm()), "Custom field value; the part after field_ is its key."
]
Businesses = Annotated[
    dict[str, bool] | None,
    Wildcard("business_", FlagForm()),
    "Opt-in flag for the business whose id is in the name: true/on opts in, false/off opts out.",
]


class FanRecord(msgspec.Struct):
    """What both a fan and a row of the fan search have; fields of subclasses come after these."""

    fan_id: int
    account_id: int
    name: str | None
    first_name: str | None
    last_name: str | None
    email: str | None
    province: str | None
    latitude: float | None
    longitude: float | None
    creation_timestamp: int
    ip_address: str | None
    country_code: str | None
    city: str | None
    is_subscribed: bool
    is_phone_subscribed: bool
    rating: float | None
    phone: str | None
    birth_date: str | None
    metro_area: str | None
    postal_code: str | None
    fields: list[str]
    field_values: dict[str, Any]
    gender: str | None
    tags: list[str]


class Fan(FanRecord):
    """A fan. `fields` are custom values written `key=value`, `field_values` the same with their types.

    creation_timestamp is in unix seconds, rating from 1 to 5, phone E.164, birth_date YYYY-MM-DD.
    """

    add_phone: str | None
    display_name: str | None
    image_url: str | None
    is_optout: bool
    is_confirmed: bool
    is_phone_confirmed: bool
    fan_source: str | None
    opted_in_business_ids: list[int]
    last_page_tab_id: int | None
    last_campaign_name: str | None


class LatestFan(Fan):
    """A fan in the feed of changes, with the key of the change. Timestamps are unix seconds, `_iso` ones GMT.

    merged_fan_ids are the ids of fans merged into this one: drop their records.
    """

    fan_time_key: str
    last_update_timestamp: int
    creation_timestamp_iso: str
    last_update_timestamp_iso: str
    merged_fan_ids: list[int]


class LatestMeta(Meta):
    """The keys of the first and last fan of a page, and its number of fans; an empty page repeats the request's key."""

    min_fan_time_key: str | None
    max_fan_time_key: str | None
    count: int


class OneFan(Params):
    """The id of a fan."""

    fan_id: Annotated[Id, "Fan by its id; the id of a merged fan redirects to the fan it was merged into."]


def is_id(key: str) -> bool:
    """Return whether the part of a name after its prefix is an id."""
    return key.isascii() and key.isdigit() and len(key) <= 18  # noqa: PLR2004 - the longest id


def wrong_contact(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the errors of a phone number with a country code, and of business opt-ins without an id."""
    phone = values.get("phone")
    if phone and phone.startswith("+"):
        try:
            phone_number(phone)
        except ValueError as error:
            yield "phone", str(error)
    for key in values.get("businesses") or {}:
        if not is_id(key):
            yield f"business_{key}", "must contain the id of a business"


class NewFan(Params):
    """A fan to create; when a fan has the email or phone already, that fan's empty fields are filled."""

    first_name: Annotated[Text | None, "Given name of the fan."] = None
    last_name: Annotated[Text | None, "Family name of the fan."] = None
    email: Annotated[Mail | None, "Email address; this or phone is needed."] = None
    password: Annotated[Password | None, "The fan's password."] = None
    display_name: Annotated[Text | None, "Public name of the fan; unique in the account."] = None
    gender: Annotated[Gender | None, "male, female, diverse, other or empty."] = None
    is_subscribed: Annotated[Flag | None, "Email opt-in as true/false/on/off."] = None
    is_phone_subscribed: Annotated[Flag | None, "SMS marketing opt-in."] = None
    is_confirmed: Annotated[Flag | None, "Email address is confirmed."] = None
    is_phone_confirmed: Annotated[Flag | None, "Phone number is confirmed."] = None
    phone: Annotated[Phone | None, "Phone number; this or email is needed."] = None
    birth_date: Annotated[BirthDate | None, "Date of birth, YYYY-MM-DD."] = None
    ip_address: Annotated[Address | None, "IP address of the fan."] = None
    latitude: Annotated[Latitude | None, "Latitude."] = None
    longitude: Annotated[Longitude | None, "Longitude."] = None
    fan_source: Annotated[Text | None, "Where the fan came from; stored when the fan is created."] = None
    is_optout: Annotated[Flag | None, "Fan opted out of everything."] = None
    idol_names: Annotated[Texts | None, "Idols the fan follows; created when new."] = None
    country_code: Annotated[PlaceName | None, "Country, as a two-letter code or by name."] = None
    province: Annotated[PlaceName | None, "Province or state."] = None
    city: Annotated[PlaceName | None, "City."] = None
    postal_code: Annotated[PlaceName | None, "Postal code."] = None
    image_url: Annotated[Annotated[str, TextForm(2000)] | None, "Picture of the fan."] = None
    consent_wording: Annotated[Annotated[str, TextForm(10_000)] | None, "The consent text the fan agreed to."] = None
    consent_source: Annotated[Text | None, "Where the fan consented, such as the name of a form."] = None
    consent_timestamp: Annotated[
        Moment | None,
        "When the fan gave the consents; now when left out. An older opt-in does not override a newer opt-out.",
    ] = None
    businesses: Businesses = None
    fields: Fields = None

    example: ClassVar[Mapping[str, object]] = {
        "email": "ada@example.com",
        "first_name": "Ada",
        "is_subscribed": True,
        "country_code": "CA",
        "province": "BC",
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a fan without email and phone."""
        if "email" not in values and "phone" not in values:
            yield "email", "is required when phone is left out"
        yield from wrong_contact(values)

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Reject times in the future, and addresses and numbers that are invalid in the account's country."""
        yield from future_faults(context.now, values, "birth_date", "consent_timestamp")
        yield from read_contact(values, context.account.country_code).faults


class FanChanges(Params):
    """Fields of a fan to update; an empty value clears a field; a field left out stays as it is."""

    fan_id: Annotated[Id, "Fan to change."]
    first_name: Annotated[Text | None | UnsetType, "Given name of the fan."] = UNSET
    last_name: Annotated[Text | None | UnsetType, "Family name of the fan."] = UNSET
    email: Annotated[Mail | None | UnsetType, "Email address of the fan."] = UNSET
    password: Annotated[Password | None, "New password."] = None
    reset_uid: Annotated[
        Flag | None, "true returns a one-time reset_uid, with which the fan sets a new password at /crm/reset."
    ] = None
    display_name: Annotated[Text | None | UnsetType, "Public name of the fan; unique in the account."] = UNSET
    gender: Annotated[Gender | None | UnsetType, "male, female, diverse, other or empty."] = UNSET
    is_subscribed: Annotated[Flag | None, "Email opt-in as true/false/on/off."] = None
    is_phone_subscribed: Annotated[Flag | None, "SMS marketing opt-in."] = None
    phone: Annotated[Phone | None | UnsetType, "Phone number of the fan."] = UNSET
    birth_date: Annotated[BirthDate | None | UnsetType, "Date of birth, YYYY-MM-DD."] = UNSET
    ip_address: Annotated[Address | None | UnsetType, "IP address of the fan."] = UNSET
    country_code: Annotated[PlaceName | None | UnsetType, "Country, as a two-letter code or by name."] = UNSET
    province: Annotated[PlaceName | None | UnsetType, "Province or state; only with country_code."] = UNSET
    city: Annotated[PlaceName | None | UnsetType, "City; only with country_code."] = UNSET
    postal_code: Annotated[PlaceName | None | UnsetType, "Postal code; only with country_code."] = UNSET
    is_confirmed: Annotated[Flag | None, "Email address is confirmed."] = None
    is_phone_confirmed: Annotated[Flag | None, "Phone number is confirmed."] = None
    is_optout: Annotated[Flag | None, "Fan opted out of everything."] = None
    latitude: Annotated[Latitude | None | UnsetType, "Latitude."] = UNSET
    longitude: Annotated[Longitude | None | UnsetType, "Longitude."] = UNSET
    image_url: Annotated[Annotated[str, TextForm(2000)] | None | UnsetType, "Picture of the fan."] = UNSET
    add_phone: Annotated[Phone | None | UnsetType, "Second phone number of the fan."] = UNSET
    consent_wording: Annotated[Annotated[str, TextForm(10_000)] | None, "The consent text the fan agreed to."] = None
    consent_source: Annotated[Text | None, "Where the fan consented, such as the name of a form."] = None
    consent_timestamp: Annotated[
        Moment | None,
        "When the fan gave the consents; now when left out. An older opt-in does not override a newer opt-out.",
    ] = None
    businesses: Businesses = None
    fields: Fields = None

    example: ClassVar[Mapping[str, object]] = {"first_name": "Ada", "country_code": "CA", "city": "Vancouver"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject parts of an address without their country."""
        if not values.get("country_code"):
            for name in ("province", "city", "postal_code"):
                if values.get(name):
                    yield name, "is only accepted together with country_code"
        yield from wrong_contact(values)

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Reject future times and invalid addresses; `references` checks national numbers with the fan's country."""
        yield from future_faults(context.now, values, "birth_date", "consent_timestamp")
        if values.get("country_code"):
            yield from read_contact(values, context.account.country_code).faults


class FanSaved(msgspec.Struct):
    """The fan that was saved. reset_uid, if it was asked for, is shown this once, and valid once, for an hour."""

    fan_id: int
    reset_uid: uuid.UUID | UnsetType = UNSET


class LatestWindow(Params):
    """Filters for the feed of changed fans, 1000 per page, the earliest change first."""

    last_update_date: Annotated[
        Annotated[date, DayForm()] | None, "Only fans changed on this day (YYYY-MM-DD, the account's zone) or later."
    ] = None
    min_time_key: Annotated[
        Annotated[
            str,
            TimeKeyForm(64, r"\d{1,10}_\d{1,3}_\d{1,18}", "must be the meta.max_fan_time_key of an earlier response"),
        ]
        | None,
        "Continue after this key, <unix_time>_<milliseconds>_<fan_id>: the previous meta.max_fan_time_key.",
    ] = None
