"""Shapes of what apps report of fans who did not log in here."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.fans.contact import read_contact
from fanfare.fans.schemas.fans import BirthDate, Fields, Mail, Phone, PlaceName, wrong_contact
from fanfare.kernel.parameters import Params, RequestContext
from fanfare.kernel.wire import ChoiceForm, Flag, Id, ListForm, Text, TextForm, future_faults
from fanfare.sessions.schemas.connect import DeviceId, DeviceKind, FanAddress

MAX_TAGS = 100
Tags = Annotated[list[str], ListForm(TextForm(), MAX_TAGS)]


class NewSessionActivity(Params):
    """An activity of a fan, who is found by email or phone, or created."""

    ip_address: FanAddress = None
    device_id: DeviceId = None
    device_network: DeviceKind = None
    email: Annotated[Mail | None, "Email address; this or phone is needed."] = None
    phone: Annotated[Phone | None, "Phone number; this or email is needed."] = None
    first_name: Annotated[Text | None, "Given name of the fan."] = None
    last_name: Annotated[Text | None, "Family name of the fan."] = None
    birth_date: Annotated[BirthDate | None, "Date of birth, YYYY-MM-DD."] = None
    city: Annotated[PlaceName | None, "City; only with country_code."] = None
    country_code: Annotated[PlaceName | None, "Two-letter code or full country name."] = None
    postal_code: Annotated[PlaceName | None, "Postal code; only with country_code."] = None
    province: Annotated[PlaceName | None, "Province; only with country_code."] = None
    fields: Fields = None
    is_unique_activity: Annotated[Flag | None, "Refuse (409) a second entry by the same fan in the campaign."] = None
    campaign_name: Annotated[Text | None, "Campaign by name, created when new; page_tab_id wins."] = None
    page_tab_id: Annotated[Id | None, "Campaign by id; beats campaign_name."] = None
    tag_name: Annotated[Tags | None, "Tag for the fan; may be repeated."] = None
    tag_names: Annotated[Tags | None, "Several tags in one comma separated value."] = None
    business_id: Annotated[Id | None, "Business to opt in to."] = None
    idol_name: Annotated[Text | None, "Idol to link to the fan."] = None

    example: ClassVar[Mapping[str, object]] = {
        "email": "kim@example.com",
        "first_name": "Kim",
        "country_code": "CA",
        "campaign_name": "Season opener",
        "is_unique_activity": True,
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse who cannot be recognised, parts of an address without country, and uniqueness in no campaign."""
        if not (values.get("email") or values.get("phone")):
            yield "email", "is required when phone is left out"
        if not values.get("country_code"):
            for name in ("province", "city", "postal_code"):
                if values.get(name):
                    yield name, "is only accepted together with country_code"
        if values.get("is_unique_activity") and not (values.get("page_tab_id") or values.get("campaign_name")):
            yield "is_unique_activity", "needs page_tab_id or campaign_name"
        yield from wrong_contact(values)

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Refuse what cannot be, here or yet."""
        yield from future_faults(context.now, values, "birth_date")
        yield from read_contact(values, context.account.country_code).faults


class SessionActivity(msgspec.Struct):
    """The recorded activity and its fan."""

    fan_id: int
    activity_id: int


class WifiVisit(Params):
    """A fan who authenticated elsewhere."""

    network: Annotated[Annotated[str, ChoiceForm("email")], "Network the fan came through; only email is supported."]
    email: Annotated[Mail, "Email address of the fan."]
    first_name: Annotated[Text | None, "Given name of the fan."] = None
    last_name: Annotated[Text | None, "Family name of the fan."] = None
    activity_name: Annotated[Text | None, "Activity or event the sign-in belongs to."] = None
    device_id: DeviceId = None
    device_network: DeviceKind = None

    example: ClassVar[Mapping[str, object]] = {
        "network": "email",
        "email": "sam@example.com",
        "activity_name": "Arena wifi",
    }


class Lookup(Params):
    """Whom to look up."""

    phone: Annotated[Phone | None, "Phone to look up; this or email is needed."] = None
    email: Annotated[Mail | None, "Email to look up; this or phone is needed."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a look-up of nobody."""
        if not (values.get("email") or values.get("phone")):
            yield "email", "is required when phone is left out"

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Refuse what is no address or number."""
        yield from read_contact(values, context.account.country_code).faults


class LookupFan(msgspec.Struct):
    """The fan who has the email address or phone number."""

    fan_id: int
    first_name: str | None
    last_name: str | None
