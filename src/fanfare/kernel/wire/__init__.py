"""The formats of the wire as types: parsed here, plain Python values everywhere else.

A field of a parameter struct is annotated with one of the names at the end of this file. Each contains a Form, which
parses the input (text from a query or form, any JSON value from a body) and describes itself for the API document. A
Form raises ValueError with a message for the client. A value is parsed the same way wherever it comes from.
"""

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from fanfare.kernel.addresses import Network
from fanfare.kernel.wire.forms import (
    NOTHING,
    AddressForm,
    AddressRangeForm,
    CapitalsForm,
    ChoiceForm,
    FlagForm,
    Form,
    InvalidParts,
    KeyForm,
    NetworkForm,
    TextForm,
    TimeKeyForm,
    UuidForm,
    storage_fault,
    text_of,
    whole_number,
    word_of,
)
from fanfare.kernel.wire.lists import (
    BYTE_ORDER_MARK,
    MAX_WEIGHT,
    Alias,
    AnyForm,
    EntryForm,
    InvalidEntry,
    JsonForm,
    LineForm,
    LinesForm,
    ListForm,
    Wildcard,
    decode_json,
    json_weight,
    parse_json,
    size_fault,
)
from fanfare.kernel.wire.numbers import MAX_ID, IntegerForm, LimitForm, MoneyForm, NumberForm
from fanfare.kernel.wire.times import (
    EARLIEST,
    LATEST,
    BoundForm,
    DayForm,
    MomentForm,
    TimeZoneForm,
    check_past,
    day_bounds,
    day_of,
    future_faults,
    iso,
    unix,
    window,
)

__all__ = [
    "BYTE_ORDER_MARK",
    "EARLIEST",
    "LATEST",
    "MAX_ID",
    "MAX_WEIGHT",
    "NOTHING",
    "Address",
    "AddressForm",
    "AddressRange",
    "AddressRangeForm",
    "Alias",
    "AnyForm",
    "Bound",
    "BoundForm",
    "BoundMoment",
    "CapitalsForm",
    "ChoiceForm",
    "Currency",
    "Day",
    "DayForm",
    "EntryForm",
    "Flag",
    "FlagForm",
    "Form",
    "Id",
    "Ids",
    "Instant",
    "Integer",
    "IntegerForm",
    "InvalidEntry",
    "InvalidParts",
    "JsonForm",
    "JsonObject",
    "KeyForm",
    "Latitude",
    "LimitForm",
    "LineForm",
    "LinesForm",
    "ListForm",
    "LongText",
    "Longitude",
    "Moment",
    "MomentForm",
    "Money",
    "MoneyForm",
    "NetworkForm",
    "NetworkName",
    "NumberForm",
    "OuterKey",
    "Text",
    "TextForm",
    "Texts",
    "TimeKeyForm",
    "TimeZone",
    "TimeZoneForm",
    "Uuid",
    "UuidForm",
    "Uuids",
    "Wildcard",
    "check_past",
    "day_bounds",
    "day_of",
    "decode_json",
    "future_faults",
    "iso",
    "json_weight",
    "parse_json",
    "size_fault",
    "storage_fault",
    "text_of",
    "unix",
    "whole_number",
    "window",
    "word_of",
]

Text = Annotated[str, TextForm()]
OuterKey = Annotated[str, KeyForm()]
NetworkName = Annotated[str, NetworkForm()]
LongText = Annotated[str, TextForm(10_000)]
Flag = Annotated[bool, FlagForm()]
Id = Annotated[int, IntegerForm(0)]
Integer = Annotated[int, IntegerForm()]
Latitude = Annotated[float, NumberForm(-90, 90)]
Longitude = Annotated[float, NumberForm(-180, 180)]
Money = Annotated[Decimal, MoneyForm()]
Currency = Annotated[str, CapitalsForm(3, "[A-Za-z]{3}", "must be a three-letter currency code such as CAD")]
Day = Annotated[date, DayForm()]
Moment = Annotated[datetime, MomentForm()]
BoundMoment = Annotated[datetime, MomentForm(0)]
Bound = Annotated[Any, BoundForm()]
# For answers: ISO 8601 in UTC, declared as such in the API document.
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Uuid = Annotated[uuid.UUID, UuidForm()]
Address = Annotated[str, AddressForm()]
AddressRange = Annotated[Network, AddressRangeForm()]
TimeZone = Annotated[str, TimeZoneForm()]
Texts = Annotated[list[str], ListForm(TextForm())]
Ids = Annotated[list[int], ListForm(IntegerForm(0))]
Uuids = Annotated[list[uuid.UUID], ListForm(UuidForm())]
JsonObject = Annotated[dict[str, Any], JsonForm()]
