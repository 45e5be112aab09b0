"""Masks: what people without the right `personal` get of names, contacts and free texts."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from fanfare.fans.schemas.fans import Fan, LatestFan
from fanfare.kernel.callers import Account
from fanfare.kernel.errors import Unknown
from fanfare.search.schemas.search import FoundFan
from fanfare.staff.schemas.masking import Mask
from fanfare.staff.schemas.members import Limited, Member, Person, StaffSession
from fanfare.staff.schemas.roles import AREA_NAMES, ROLES, rights_of

ON, OFF = Mask(is_on=True), Mask(is_on=False)
PERSON = Person(
    1, "jo@example.com", "Jo", has_password=True, has_totp=True, passkey_count=0, is_proved=True, password_mark=""
)
SESSION = StaffSession(1, PERSON, "link", datetime.now(UTC))
FAN: dict[str, Any] = {
    "fan_id": 5, "account_id": 1, "name": "Maren Castellane", "first_name": "Maren", "last_name": "Castellane",
    "email": "maren.castellane@example.org", "province": "BC", "latitude": 49.2512345, "longitude": -123.1012345,
    "creation_timestamp": 1_700_000_000, "ip_address": "203.0.113.24", "country_code": "CA", "city": "Vancouver",
    "is_subscribed": True, "is_phone_subscribed": False, "rating": 3.8, "phone": "+16045550142",
    "birth_date": "1991-05-09", "metro_area": "Vancouver", "postal_code": "V5K 0A1", "fields": ["comes_by=ferry"],
    "field_values": {"comes_by": "ferry"}, "gender": "female", "tags": ["early bird"],
}  # fmt: skip
# What must not be in anything that is masked.
BYTES = ("Maren", "maren", "Castellane", "example", "604555", "0142", "05-09", "113", "49.25", "123.1", "V5K", "ferry")


def member(role: str = "full", business_ids: tuple[int, ...] | None = None) -> Member:
    rights = rights_of(role, {}, is_limited=business_ids is not None)
    return Member(SESSION, Account(1, "Northside", "UTC", "CA", "CAD"), role, rights, business_ids)


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        ("name", "Maren Castellane", "M. C."), ("name", "  ada ", "a."),
        ("email", "maren@example.org", "m…@e…"), ("email", "no address", "…@n…"), ("phone", "+16045550142", "+1…"),
        ("phone", "604 555", "6…"), ("contact", "a@b.org", "a…@b…"), ("contact", "+4930123", "+4…"),
        ("word", "HarbourHeron", "H…"), ("secret", "C-448120", "…"), ("address", "203.0.113.24", "203.…"),
        ("address", "2001:db8::1", "2001:…"), ("day", date(1991, 5, 9), "1991"),
    ],
)  # fmt: skip
def test_each_kind(kind: str, value: object, masked: str) -> None:
    assert getattr(ON, kind)(value) == masked
    assert getattr(OFF, kind)(value) == str(value)
    assert getattr(ON, kind)(None) == getattr(OFF, kind)(None) == ""


def test_json_of_free_form_shows_neither_keys_nor_values() -> None:
    assert ON.json({"maren@example.org": 1}) == {"…": "…"}
    assert (ON.json(["Maren"]), ON.json("Maren"), ON.json(5)) == (["…"], "…", "…")
    assert (ON.json({}), ON.json([]), ON.json(None), ON.json("")) == ({}, [], None, "")
    assert OFF.json({"maren@example.org": 1}) == {"maren@example.org": 1}
    assert ON.values({"comes_by": "ferry", "sizes": ["M"]}) == {"comes_by": "…", "sizes": ["…"]}


@pytest.mark.parametrize("struct", [FoundFan, Fan, LatestFan])
def test_a_fan_has_no_personal_byte(struct: type[msgspec.Struct]) -> None:
    texts = {name: "Maren" for name in struct.__struct_fields__ if name not in FAN}
    values = {**texts, "last_campaign_name": "Quiz", "fan_source": "Quiz", "fan_time_key": "1", **FAN}
    values |= {
        name: "1" for name in texts if name.startswith("is_") or name.endswith(("_iso", "_timestamp", "_ids", "_id"))
    }
    values |= {"add_phone": "+16045550142", "image_url": "https://example.org/maren"}
    fan = struct(**{name: values[name] for name in struct.__struct_fields__})
    text = msgspec.json.encode(ON.record(fan)).decode()
    assert [each for each in BYTES if each in text] == []
    assert '"M. C."' in text
    assert '"Vancouver"' in text
    assert OFF.record(fan) is fan


def test_records_within_records_are_masked_too() -> None:
    rows: dict[str, Any] = {"data": [{"fan": FAN, "notes": "met Maren", "title": "Quiz"}], "count": 1}
    masked = ON.record(rows, "notes")
    assert masked["data"][0]["title"] == "Quiz"
    assert masked["data"][0]["notes"] == "…"
    assert [each for each in BYTES if each in str(masked)] == []
    assert rows["data"][0]["fan"] is FAN


@pytest.mark.parametrize("role", [each for each in ROLES if each != "custom"])
@pytest.mark.parametrize("area", AREA_NAMES)
def test_the_mask_follows_the_right(role: str, area: str) -> None:
    person = member(role)
    assert person.mask(area).is_on != person.may(area, "personal")


def test_businesses_limit_what_is_seen() -> None:
    everybody, limited = member(), member(business_ids=(3, 4))
    assert (everybody.is_limited, limited.is_limited) == (False, True)
    assert [everybody.sees_business(each) for each in (3, 5, None)] == [True, True, True]
    assert [limited.sees_business(each) for each in (3, 5, None)] == [True, False, False]
    limited.require_business(4, campaign=7)
    everybody.require_business(None, campaign=7)
    everybody.require_all_businesses()
    with pytest.raises(Unknown, match="No campaign has the id 7"):
        limited.require_business(5, campaign=7)
    with pytest.raises(Limited):
        limited.require_all_businesses()
