"""Rows of imports that belong to a fan: the fan by id, or by contact data."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fanfare.fans.contact import read_contact
from fanfare.fans.schemas.fans import Mail, Phone, PlaceName
from fanfare.kernel.parameters import Params, RequestContext
from fanfare.kernel.wire import Flag, Id, Text


class OwnedRow(Params, kw_only=True):
    """A row and its fan, who is found by id, or found or created by email address or number."""

    fan_id: Annotated[Id | None, "Fan by id; this, email or phone is needed."] = None
    email: Annotated[Mail | None, "Email address of the fan."] = None
    phone: Annotated[Phone | None, "Phone number of the fan."] = None
    first_name: Annotated[Text | None, "Given name of the fan."] = None
    last_name: Annotated[Text | None, "Family name of the fan."] = None
    country_code: Annotated[PlaceName | None, "Country, as a two-letter code or by name."] = None
    province: Annotated[PlaceName | None, "Province or state."] = None
    city: Annotated[PlaceName | None, "City."] = None
    postal_code: Annotated[PlaceName | None, "Postal code."] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a row without its fan."""
        if not values.keys() & {"fan_id", "email", "phone"}:
            yield "email", "is required when phone and fan_id are left out"

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:
        """Refuse addresses and numbers that are invalid in the account's country."""
        yield from read_contact(values, context.account.country_code).faults


class ConsentingRow(OwnedRow, kw_only=True):
    """A row with opt-ins of its fan."""

    is_subscribed: Annotated[Flag | None, "Email marketing opt-in."] = None
    is_phone_subscribed: Annotated[Flag | None, "SMS marketing opt-in."] = None
