"""What a value means is decided by what is stored of it: numbers as text, days as figures, bounds, clocks ahead."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.registrations.gates import some_campaign, some_passes
from tests.tickets.sold import line, sold, ticket

PURCHASE = {
    "network": "shop", "merchant_key": "m", "order_timestamp": "2026-05-01 17:30:00", "gross_sale_amount": 5,
    "net_sale_amount": 5,
}  # fmt: skip
REGISTRATION = {
    "network": "n", "registration_timestamp": "2026-05-01 17:30:00", "event_name": "E", "event_date": "2026-07-03",
    "first_name": "A", "last_name": "B", "email": "values@example.com",
}  # fmt: skip
SCAN = {"network": "n", "scan_group_name": "g", "scan_timestamp": "2026-05-01 10:00:00"}
SCANS = "/api/v1/manage/registrations/scans"


@pytest.mark.parametrize("number", ["15112345678.0", "1.5112345678E10", 15112345678.0, 15112345678])
async def test_a_phone_that_went_through_a_table_of_floats_is_the_same_phone(api: Api, number: object) -> None:
    created = await api.ok(await api.post("/api/v1/crm/fans", phone="+4915112345678"))
    assert await api.ok(await api.post("/api/v1/crm/fans", phone=number, country_code="DE")) == created


@pytest.mark.parametrize("key", ["1042.0", 1042.0, 1042, "1.042E3"])
async def test_a_key_that_went_through_a_table_of_floats_is_the_same_key(api: Api, key: object) -> None:
    created = await sold(api, "1042", email="keys@example.com")
    again = await sold(api, ticket_key=key, email="keys@example.com")
    assert (again["ticket_id"], again["status"]) == (created["ticket_id"], "duplicate")
    created = await api.ok(
        await api.post(
            "/api/v1/crm/fans", email=f"{uuid.uuid4().hex}@example.com", country_code="US", postal_code="98101.0"
        )
    )
    assert (await api.ok(await api.get(f"/api/v1/crm/fans/{created['fan_id']}")))["postal_code"] == "98101"


@pytest.mark.parametrize("key", ["0042.0", "1.5", "1E3", "v1.0", "9007199254740993.0"])
async def test_a_key_that_is_no_float_stays(api: Api, key: str) -> None:
    created = await sold(api, key)
    assert (await ticket(api, created["ticket_id"]))["ticket_key"] == key


async def test_eight_figures_are_a_day_and_fewer_than_nine_no_moment(api: Api) -> None:
    created = await sold(api, purchase_timestamp=20260501, event_date="20260703")
    result = await ticket(api, created["ticket_id"])
    assert (result["purchase_timestamp"], result["event_date"]) == ("2026-05-01T00:00:00Z", "2026-07-03")
    for stamp in (0, 5, 2026, 20261399, "12345678", -1):
        answer = await api.post("/api/v1/crm/tickets", **line(purchase_timestamp=stamp))
        assert [error["field"] for error in answer.json()["errors"]] == ["purchase_timestamp"], stamp
    window = {"network": "shop", "start_date": 0, "end_date": 20260701}
    await api.ok(await api.post("/api/v1/crm/purchases", purchase_key="w", order_key="w", **PURCHASE))
    page = await api.ok(await api.get("/api/v1/crm/purchases", **window))
    assert [row["purchase_key"] for row in page["data"]] == ["w"]


@pytest.mark.parametrize("amount", ["999999999999.99999", 999999999999.99995, "-999999999999.99999", "1e12"])
async def test_an_amount_is_bounded_as_it_is_stored(api: Api, amount: object) -> None:
    answer = await api.post("/api/v1/crm/tickets", **line(paid_amount=amount))
    assert [error["field"] for error in answer.json()["errors"]] == ["paid_amount"]
    rows = await api.ok(await api.client.post(
        "/api/v1/crm/tickets/bulk", json=[line(paid_amount=amount), line(paid_amount="999999999999.9999")],
        headers=api.keys,
    ))  # fmt: skip
    assert [row["status"] for row in rows] == ["error", "success"]
    assert rows[0]["errors"][0]["field"] == "paid_amount"


async def test_what_follows_from_amounts_is_bounded_too(api: Api) -> None:
    amounts = {"gross_sale_amount": "999999999999", "net_sale_amount": "-999999999999"}
    answer = await api.post("/api/v1/crm/purchases", purchase_key="d", order_key="d", **{**PURCHASE, **amounts})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "net_sale_amount")


@pytest.mark.parametrize(
    ("path", "field", "body"),
    [
        ("crm/tickets", "purchase_timestamp", line()),
        ("crm/purchases", "order_timestamp", {**PURCHASE, "purchase_key": "f", "order_key": "f"}),
        ("crm/registrations", "registration_timestamp", {**REGISTRATION, "registration_key": "f"}),
        ("crm/registrations", "birth_date", {**REGISTRATION, "registration_key": "f"}),
        ("crm/fans", "birth_date", {"email": "unborn@example.com"}),
        ("manage/registrations/scans", "scan_timestamp", {**SCAN, "source_key": "f"}),
    ],
)
async def test_what_has_happened_lies_in_the_past(api: Api, path: str, field: str, body: dict[str, Any]) -> None:
    async def errors(moment: datetime) -> list[str]:
        values = {**body, field: str(moment.date()) if field == "birth_date" else moment.isoformat()}
        answer = await api.post(f"/api/v1/{path}", **({"scans": [values]} if "scans" in path else values))
        result = answer.json()
        faults = (
            result["errors"]
            if answer.status_code == 422
            else [e for row in result.get("errors", []) for e in row["errors"]]
        )
        return [each["field"] for each in faults]

    assert await errors(datetime(2099, 1, 1, tzinfo=UTC)) == [field]
    assert await errors(datetime.now(UTC) + timedelta(hours=1)) == []


@pytest.mark.parametrize("number", ["1_000", "١٢", "inf", "nan", "1e400", "0x10", " ", "1 000"])
async def test_a_custom_number_is_a_plain_number(api: Api, number: str) -> None:
    await api.ok(await api.post("/api/v1/manage/fields", crm_field_key="age_of_car", field_type="number"))
    answer = await api.post("/api/v1/crm/fans", email="field@example.com", field_age_of_car=number)
    result = answer.json()
    assert answer.status_code == 422 or not number.strip(), result
    assert [error["field"] for error in result.get("errors", [])] == (["field_age_of_car"] if number.strip() else [])


async def test_seats_are_given_back(api: Api) -> None:
    await sold(api, "bought", email="refund@example.com", order_key="r", num_seats=3, paid_amount=30)
    refund = await sold(api, "back", email="refund@example.com", order_key="r", num_seats=-2, paid_amount=-20)
    assert (await ticket(api, refund["ticket_id"]))["num_seats"] == -2
    result = await api.ok(
        await api.get("/api/v1/crm/fans", ticket_seat_count_min=1, ticket_seat_count_max=1, name="refund")
    )
    assert len(result["data"]) == 1


@pytest.mark.parametrize("mode", ["exit", "Check-Out", "check_out", "CHECKOUT", "scan out"])
async def test_a_pass_that_goes_out_or_elsewhere_is_not_used(api: Api, db: Db, mode: str) -> None:
    page_tab_id, second = await some_campaign(api), await some_campaign(api)
    (new_pass,) = await some_passes(api, page_tab_id)
    scans = [
        {**SCAN, "source_key": uuid.uuid4().hex, "pass_code": new_pass["pass_code"], **extra}
        for extra in ({"access_mode": mode}, {"page_tab_id": second}, {"page_tab_id": page_tab_id})
    ]
    result = []
    for each in scans:
        result += (await api.ok(await api.post(SCANS, scans=[each])))["data"]
    assert [(row["is_success"], row["refusal"]) for row in result] == [
        (True, None),
        (False, "unknown_pass"),
        (True, None),
    ]
    used = await db.value(
        "select checked_in_at is not null from passes where account_id = $1 and pass_uid = $2",
        api.account_id, uuid.UUID(new_pass["pass_uid"]),
    )  # fmt: skip
    assert used
