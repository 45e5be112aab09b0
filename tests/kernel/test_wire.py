"""The odd formats: what each Form takes, refuses and makes of it."""

import math
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fanfare.kernel.errors import BadParameters
from fanfare.kernel.wire import (
    MAX_ID,
    AddressForm,
    AddressRangeForm,
    AnyForm,
    BoundForm,
    ChoiceForm,
    DayForm,
    FlagForm,
    Form,
    IntegerForm,
    JsonForm,
    ListForm,
    MomentForm,
    MoneyForm,
    NumberForm,
    TextForm,
    TimeZoneForm,
    UuidForm,
    day_bounds,
    iso,
    storage_fault,
    text_of,
    unix,
    window,
)

FORMS: tuple[Form, ...] = (
    TextForm(20),
    TextForm(pattern="[a-z]+", hint="must be letters"),
    ChoiceForm("male", "female"),
    FlagForm(),
    IntegerForm(0, 1000),
    NumberForm(-90, 90),
    MoneyForm(),
    DayForm(),
    MomentForm(),
    BoundForm(),
    UuidForm(),
    AddressForm(),
    AddressRangeForm(),
    TimeZoneForm(),
    ListForm(IntegerForm(0)),
    ListForm(ListForm(TextForm())),
    JsonForm(),
    AnyForm(),
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(form=st.sampled_from(FORMS), raw=JSON)
@example(form=NumberForm(-90, 90), raw=10**400)
@example(form=MoneyForm(), raw="1e999")
@example(form=MoneyForm(), raw="9" * 5000)
@example(form=IntegerForm(), raw=10**5000)
@example(form=TextForm(), raw=10**5000)
@example(form=MomentForm(), raw="0001-01-01T00:00:00+14:00")
@example(form=MomentForm(), raw="99999999999")
@example(form=JsonForm(), raw="[" * 100_000)
@example(form=ListForm(TextForm()), raw="[" * 100_000)
def test_any_value_is_read_or_refused(form: Form, raw: object) -> None:
    try:
        form.read(raw)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - it need not be refused


@given(
    form=st.sampled_from([IntegerForm(), NumberForm(-1e9, 1e9), MoneyForm(), FlagForm(), TextForm()]),
    raw=st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans(),
)
@example(form=IntegerForm(), raw=2.0**53)
def test_a_value_of_json_and_its_text_are_read_alike(form: Form, raw: object) -> None:
    assert _outcome(form, raw) == _outcome(form, text_of(raw))


def _outcome(form: Form, raw: object) -> object:
    try:
        return form.read(raw)
    except ValueError:
        return "refused"


@pytest.mark.parametrize(
    ("form", "raw", "value"),
    [
        (TextForm(), "  Ada ", "Ada"),
        (TextForm(), 12, "12"),
        (TextForm(), True, "true"),
        (ChoiceForm("Male", "Female"), " female", "Female"),
        (FlagForm(), "ON", True),
        (FlagForm(), 0, False),
        (FlagForm(), "no", False),
        (IntegerForm(), " +12 ", 12),
        (IntegerForm(), "1042.0", 1042),
        (IntegerForm(), 1042.0, 1042),
        (IntegerForm(), str(MAX_ID), MAX_ID),
        (NumberForm(-90, 90), "49.28", 49.28),
        (MoneyForm(), "12.5", Decimal("12.5000")),
        (MoneyForm(), 0.1 + 0.2, Decimal("0.3000")),
        (DayForm(), "2024-02-29", date(2024, 2, 29)),
        (DayForm(), "1990-05-17T00:00:00Z", date(1990, 5, 17)),
        (MomentForm(), "2026-03-14 19:30:00", datetime(2026, 3, 14, 19, 30, tzinfo=UTC)),
        (MomentForm(), "2026-03-14T12:30:00-07:00", datetime(2026, 3, 14, 19, 30, tzinfo=UTC)),
        (MomentForm(), "2026-03-14T19:30:00Z", datetime(2026, 3, 14, 19, 30, tzinfo=UTC)),
        (MomentForm(), 1773516600, datetime(2026, 3, 14, 19, 30, tzinfo=UTC)),
        (BoundForm(), "2026-03-14", date(2026, 3, 14)),
        (BoundForm(), "2026-03-14 19:30:00", datetime(2026, 3, 14, 19, 30, tzinfo=UTC)),
        (UuidForm(), "6F1C0A52-8F0E-4B7E-9A55-3F0F8A2F4C11", uuid.UUID("6f1c0a52-8f0e-4b7e-9a55-3f0f8a2f4c11")),
        (AddressForm(), "2001:DB8::0001", "2001:db8::1"),
        (AddressRangeForm(), "192.0.2.9/24", ip_network("192.0.2.0/24")),
        (TimeZoneForm(), "America/Vancouver", "America/Vancouver"),
        (ListForm(IntegerForm()), "1, 2,,3", [1, 2, 3]),
        (ListForm(IntegerForm()), "[1, 2]", [1, 2]),
        (ListForm(IntegerForm()), ["1", 2], [1, 2]),
        (ListForm(IntegerForm()), 7, [7]),
        (ListForm(TextForm()), ["Vancouver, BC"], ["Vancouver, BC"]),
        (ListForm(JsonForm()), '{"a": 1, "b": 2}', [{"a": 1, "b": 2}]),
        (ListForm(JsonForm()), ['{"a": 1, "b": 2}'], [{"a": 1, "b": 2}]),
        (JsonForm(), '{"a": [1]}', {"a": [1]}),
        (JsonForm(), {"a": [1]}, {"a": [1]}),
    ],
)
def test_reads(form: Form, raw: object, value: object) -> None:
    read = form.read(raw)
    assert read == value
    # The driver's own type is a UUID as well.
    assert type(read) is type(value) or isinstance(value, uuid.UUID)


@pytest.mark.parametrize(
    ("form", "raw", "text"),
    [
        (TextForm(3), "abcd", "must be at most 3 characters"),
        (TextForm(), ["a"], "must be a string"),
        (TextForm(pattern="[a-z]+", hint="must be letters"), "a1", "must be letters"),
        (ChoiceForm("a", "b"), "c", "must be one of a, b"),
        (FlagForm(), "maybe", "must be true or false"),
        (FlagForm(), 2, "must be true or false"),
        (IntegerForm(), "1.5", "must be a whole number"),
        (IntegerForm(), True, "must be a whole number"),
        (IntegerForm(), "\u0661", "must be a whole number"),
        (IntegerForm(), "9223372036854775808", "must be between"),
        (IntegerForm(0, 10), 11, "must be between 0 and 10"),
        (NumberForm(-90, 90), "nan", "must be a number"),
        (NumberForm(-90, 90), "1_0", "must be a number"),
        (MoneyForm(), "inf", "must be an amount"),
        (MoneyForm(), "1000000000000", "must be an amount"),
        (DayForm(), "2023-02-29", "must be a date"),
        (DayForm(), "1899-12-31", "must be a date"),
        (DayForm(), "14/03/2026", "must be a date"),
        (MomentForm(), "yesterday", "must be a timestamp"),
        (MomentForm(), True, "must be a timestamp"),
        (BoundForm(), "2026-02-30", "must be a date"),
        (BoundForm(), "2026-02-30 10:00:00", "must be a timestamp"),
        (UuidForm(), "x", "must be a UUID"),
        (AddressForm(), "1.2.3", "must be an IPv4"),
        (AddressRangeForm(), "192.0.2.0/33", "must be an IPv4"),
        (TimeZoneForm(), "Vancouver", "must be a time zone"),
        (TimeZoneForm(), "Factory", "must be a time zone"),
        (ListForm(IntegerForm(), 2), "1,2,3", "must have at most 2 entries"),
        (ListForm(TextForm()), "[1", "is not a valid JSON array"),
        (JsonForm(), "[]", "must be a JSON object"),
        (JsonForm(), r'{"a": "\u0000"}', "must not contain NUL"),
        (JsonForm(), '{"a":' * 30 + "1" + "}" * 30, "must not be nested deeper"),
        (ListForm(TextForm()), r'["\u0000"]', "must not contain NUL"),
    ],
)
def test_refuses(form: Form, raw: object, text: str) -> None:
    with pytest.raises(ValueError, match=r"^must|^is not") as refused:
        form.read(raw)
    assert str(refused.value).startswith(text)


@given(st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(2199, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001 - made aware below
def test_a_moment_survives_every_spelling(naive: datetime, minutes: int) -> None:
    moment = naive.replace(microsecond=0, tzinfo=UTC)
    away = moment.astimezone(timezone(timedelta(minutes=minutes)))
    spellings = (moment.strftime("%Y-%m-%d %H:%M:%S"), iso(moment), away.isoformat(), iso(away))
    assert {MomentForm().read(spelling) for spelling in spellings} == {moment}
    if abs(unix(moment)) >= 10**8:
        assert MomentForm().read(unix(moment)) == moment


@given(st.decimals(min_value=-(10**11), max_value=10**11, places=4))
def test_money_keeps_four_decimals(amount: Decimal) -> None:
    assert MoneyForm().read(str(amount)) == amount


@given(st.lists(st.integers(0, MAX_ID), min_size=1, max_size=20))
def test_a_list_survives_every_spelling(ids: list[int]) -> None:
    form = ListForm(IntegerForm(0))
    for raw in (ids, [str(each) for each in ids], ",".join(map(str, ids)), str(ids)):
        assert form.read(raw) == ids


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 8), "America/Toronto", 23),
        (date(2026, 11, 1), "America/Toronto", 25),
        (date(2026, 6, 1), "America/Toronto", 24),
        (date(2026, 10, 4), "Australia/Lord_Howe", 23.5),
        (date(2024, 2, 29), "UTC", 24),
    ],
)
def test_a_day_is_as_long_as_its_zone_has_it(day: date, zone: str, hours: float) -> None:
    start, end = day_bounds(day, zone)
    assert (end - start) == timedelta(hours=hours)
    assert start.tzinfo is UTC


@given(
    day=st.dates(date(1970, 1, 2), date(2100, 1, 1)), zone=st.sampled_from(["UTC", "America/Vancouver", "Asia/Tokyo"])
)
def test_days_follow_one_another_without_gap(day: date, zone: str) -> None:
    assert day_bounds(day, zone)[1] == day_bounds(day + timedelta(days=1), zone)[0]


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        (date(2026, 3, 8), date(2026, 3, 8), 23 * 3600),
        (date(2026, 3, 8), datetime(2026, 3, 8, 8, 0, 1, tzinfo=UTC), 1),
        (datetime(2026, 3, 9, 6, 59, 59, tzinfo=UTC), date(2026, 3, 8), 1),
        (datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC), 0),
    ],
)
def test_a_window_includes_its_days(start: Any, end: Any, seconds: int) -> None:
    first, last = window(start, end, "America/Vancouver")
    assert (last - first).total_seconds() == seconds


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 3, 9), date(2026, 3, 8)),
        (datetime(2026, 3, 9, 7, tzinfo=UTC), date(2026, 3, 8)),
        (datetime(2026, 3, 9, 7, 0, 1, tzinfo=UTC), datetime(2026, 3, 9, 7, tzinfo=UTC)),
    ],
)
def test_a_window_does_not_end_before_it_starts(start: Any, end: Any) -> None:
    with pytest.raises(BadParameters, match="end_date"):
        window(start, end, "America/Vancouver")


def test_unix_is_the_second_that_began() -> None:
    assert unix(datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)) == -1


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", ["a\0b", "\ud800", {"a": ["\0"]}, {"\udfff": 1}, nested(21)])
def test_what_cannot_be_stored_is_spoiled(value: object) -> None:
    assert storage_fault(value)


@pytest.mark.parametrize("value", ["", "Zoë 🎉", 1, None, {"a": ["b"]}, nested(20), math.pi])
def test_what_can_be_stored_is_not_spoiled(value: object) -> None:
    assert storage_fault(value) is None


@pytest.mark.parametrize("form", FORMS, ids=lambda form: type(form).__name__)
def test_every_form_describes_itself(form: Form) -> None:
    assert isinstance(form.schema(), dict)
    assert "" in form.nothing
