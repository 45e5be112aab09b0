"""Every wrong field of a write is named at once, whether its form is wrong, its meaning, or what it names."""

import uuid
from typing import Any

import pytest

from tests.api import Api
from tests.tickets.sold import line

NOBODYS = str(uuid.UUID(int=7))
LATER = "2099-01-01 10:00:00"
CONTACT = {"phone": "12", "country_code": "Narnia"}
PURCHASE = {
    "purchase_key": "p", "network": "shop", "order_key": "o", "merchant_key": "m", "order_timestamp": LATER,
    "gross_sale_amount": "much", "net_sale_amount": 1, "email": "nobody", "phone": "12", "country": "Narnia",
}  # fmt: skip
REGISTRATION = {
    "registration_key": "r", "network": "n", "registration_timestamp": LATER, "event_name": "e",
    "event_date": "someday", "first_name": "A", "last_name": "B", "email": "nobody", "activity_id": 9, **CONTACT,
}  # fmt: skip
FAN = {
    "gender": "x", "birth_date": "2098-01-01", "field_nothing": "x", "business_999": "true", "display_name": "fuck",
    **CONTACT,
}  # fmt: skip
CASES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("crm/fans", {"gender": "x", **CONTACT}, {"gender", "phone", "country_code"}),
    ("crm/fans", FAN, {*FAN}),
    # All of its forms are right: what is named first must not hide the rest.
    ("crm/fans", {**FAN, "gender": "male"}, {*FAN} - {"gender"}),
    ("crm/fans", {**FAN, "gender": "male", "birth_date": "", "phone": "", "email": "a@example.com", "country_code": ""},
     {"field_nothing", "business_999", "display_name"}),
    ("crm/fans/{fan_id}", {**FAN, "add_phone": "1234"}, {*FAN}),
    ("crm/fans/{fan_id}", {"gender": "x", "phone": "12", "add_phone": "34"}, {"gender", "phone", "add_phone"}),
    ("crm/activities", {"email": "nobody", "is_subscribed": "x", **CONTACT}, {"email", "is_subscribed", *CONTACT}),
    ("crm/tickets", line("wrong", email="nobody", num_seats="x", purchase_timestamp=LATER, **CONTACT),
     {"email", "num_seats", "purchase_timestamp", *CONTACT}),
    ("crm/purchases", PURCHASE, {"order_timestamp", "gross_sale_amount", "email", "phone", "country"}),
    ("crm/purchases", {**PURCHASE, "gross_sale_amount": 1}, {"order_timestamp", "email", "phone", "country"}),
    ("crm/registrations", REGISTRATION,
     {"registration_timestamp", "event_date", "email", "activity_id", *CONTACT}),
    ("crm/fans/{fan_id}/registrations", {**REGISTRATION, "event_date": "2026-01-01"},
     {"registration_timestamp", "email", "activity_id", *CONTACT}),
    ("manage/campaigns", {"title": "t", "app_type": "x" * 300, "business_id": 9, "page_tab_ids": [9]},
     {"app_type", "business_id", "page_tab_ids"}),
    ("manage/campaigns/{page_tab_id}", {"business_id": 9, "page_tab_ids": [9]}, {"business_id", "page_tab_ids"}),
    ("manage/campaigns/{page_tab_id}/items", {"item_count": "x", "tag_id": 9}, {"title", "item_count", "tag_id"}),
    ("manage/campaigns/{page_tab_id}/passes", {"quantity": "x", "section_uid": NOBODYS}, {"quantity", "section_uid"}),
    ("manage/campaigns/x/close", {"winner_fan_id": 2**40}, {"page_tab_id", "winner_fan_id"}),
    ("manage/campaigns/{page_tab_id}/wagers", {"tab_item_id": 1, "item_count": 0, "fan_id": 2**40},
     {"item_count", "fan_id"}),
    ("manage/filters", {"filter_name": "f", "fan_gender": "x", "fan_incl_segments": f"snapshot:{NOBODYS}",
                        "fan_excl_segments": "tag:999"}, {"fan_gender", "fan_incl_segments", "fan_excl_segments"}),
    ("performances", {"performance_name": "p", "performance_date": "x", "business_id": 9, "referral_page_tab_id": 9},
     {"performance_date", "business_id", "referral_page_tab_id"}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "fields"), CASES)
async def test_every_wrong_field_is_named_at_once(api: Api, path: str, body: dict[str, Any], fields: set[str]) -> None:
    if "fan_id" in path:
        created = await api.ok(await api.post("/api/v1/crm/fans", email=f"{uuid.uuid4()}@example.com"))
        path = path.format(**created)
    if "page_tab_id" in path:
        created = await api.ok(await api.post("/api/v1/manage/campaigns", title=f"{uuid.uuid4()}", app_type="contest"))
        path = path.format(**created)
    answer = await api.post(f"/api/v1/{path}", **body)
    assert answer.status_code == 422, answer.text
    named = [each["field"] for each in answer.json()["errors"]]
    assert set(named) == fields
    assert len(named) == len(set(named))
    assert all(f"{field}: " in answer.json()["detail"] for field in fields)
