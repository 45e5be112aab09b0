"""The audit log: every change and export has its entry, chained by hashes that tell of any that was altered."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import Endpoint
from tests import calls
from tests.api import Api, new_api
from tests.console.people import send, signed_in

VERIFICATION = "/api/v1/manage/audit_entries/verification"


async def entries(api: Api, **query: Any) -> list[dict[str, Any]]:
    page = await api.ok(await api.get("/api/v1/manage/audit_entries", **query))
    result: list[dict[str, Any]] = page["data"]
    return result


async def verification(api: Api) -> Any:
    return await api.ok(await api.get(VERIFICATION))


async def test_a_change_says_who_from_where_and_what_before_and_after(api: Api) -> None:
    saved = await api.ok(await api.post("/api/v1/manage/businesses", business_name="Tideline"))
    business_id = saved["business_id"]
    await api.ok(await api.post(f"/api/v1/manage/businesses/{business_id}", business_name="Tideline Festival"))
    update, created = (await entries(api))[:2]
    assert (update["action_name"], created["action_name"]) == ("manage_businesses_update", "manage_businesses_create")
    assert update["actor_kind"] == "key"
    assert (update["actor_key"], update["actor_name"]) == (api.keys["Api-Key"], "first key")
    assert update["ip_address"] == "127.0.0.1"
    assert update["row_before"]["business_id"]["business_name"] == "Tideline"
    assert update["row_after"]["business_id"]["business_name"] == "Tideline Festival"
    assert created["row_before"] is None
    assert created["row_after"]["business_id"]["business_name"] == "Tideline"
    assert update["inputs"] == {"business_id": business_id, "business_name": "…"}


async def test_secrets_and_personal_data_are_masked(db: Db, api: Api) -> None:
    fan = {"email": "ada.masked@example.com", "first_name": "Adamasked"}
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", **fan)))["fan_id"]
    values = {"channel": "email", "recipient": "ada.masked@example.com"}
    await api.ok(await api.post("/api/v1/manage/suppressions", **values))
    key = await api.ok(await api.post("/api/v1/manage/keys", key_name="box office", scopes=["crm"]))
    await api.ok(await api.post(f"/api/v1/manage/keys/{key['managed_key']}/rotate", overlap_hours=0))
    await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/export"))
    rows = [str(dict(row)) for row in await db.rows("select * from audit_entries")]
    assert any("manage_fans_export" in row and str(fan_id) in row for row in rows)
    assert any("box office" in row for row in rows)
    for secret in ("ada.masked", "Adamasked", key["managed_secret"]):
        assert not any(secret in row for row in rows), secret


async def test_a_refused_call_leaves_no_entry(api: Api) -> None:
    before = len(await entries(api))
    assert (await api.post("/api/v1/manage/businesses")).status_code == 422
    assert (await api.post(f"/api/v1/manage/businesses/{2**40}", business_name="x")).status_code == 404
    assert len(await entries(api)) == before


async def test_an_entry_comes_once_with_an_idempotency_key(api: Api) -> None:
    before = len(await entries(api))
    for _ in range(3):
        headers = {"Idempotency-Key": "one-tag"}
        await api.ok(await api.post("/api/v1/manage/tags", headers, tag_name="once"))
    assert len(await entries(api)) == before + 1


async def test_parallel_writers_make_one_chain(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api:

        async def create(number: int) -> None:
            await api.ok(await api.post("/api/v1/manage/tags", tag_name=f"tag {number}"))

        await asyncio.gather(*(create(number) for number in range(40)))
        numbers = [each["entry_number"] for each in await entries(api)]
        assert numbers == list(range(40, 0, -1))
        assert await verification(api) == {
            "account_id": api.account_id,
            "is_valid": True,
            "entry_count": 40,
            "last_entry_hash": (await entries(api))[0]["entry_hash"],
            "first_wrong_entry_number": None,
        }


ALTERED = {
    "another name": ("update audit_entries set actor_name = 'nobody' where account_id = $1 and entry_number = 3", 3),
    "another time": ("update audit_entries set occurred_at = now() where account_id = $1 and entry_number = 2", 2),
    "other contents": (
        "update audit_entries set row_after = null where account_id = $1 and entry_number = 4",
        4,
    ),
    "a gap": ("delete from audit_entries where account_id = $1 and entry_number = 2", 3),
    "no beginning": ("delete from audit_entries where account_id = $1 and entry_number = 1", 2),
    "no end": ("delete from audit_entries where account_id = $1 and entry_number = 5", 5),
    "all gone": ("delete from audit_entries where account_id = $1", 1),
}


@pytest.mark.parametrize("change", ALTERED)
async def test_what_was_altered_is_noticed(base_url: str, db: Db, change: str) -> None:
    sql, first = ALTERED[change]
    async with new_api(base_url, db) as api:
        for number in range(5):
            await api.ok(await api.post("/api/v1/manage/businesses", business_name=f"Business {number}"))
        assert (await verification(api))["is_valid"]
        await db.execute(sql, api.account_id)
        result = await verification(api)
        assert (result["is_valid"], result["first_wrong_entry_number"]) == (False, first)


async def test_the_log_is_searched_and_read_in_pages(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api:
        for number in range(5):
            await api.ok(await api.post("/api/v1/manage/businesses", business_name=f"Business {number}"))
        await api.ok(await api.post("/api/v1/manage/tags", tag_name="x"))
        assert len(await entries(api, text="BUSINESS 3")) == 1
        assert len(await entries(api, text="tags_create")) == 1
        assert await entries(api, text="%") == []
        page = await api.ok(await api.get("/api/v1/manage/audit_entries", limit=4))
        assert page["meta"]["has_more"]
        rest = await entries(api, max_entry_number=page["meta"]["min_entry_number"])
        assert [each["entry_number"] for each in [*page["data"], *rest]] == [6, 5, 4, 3, 2, 1]
        now = int(datetime.now(UTC).timestamp())
        assert await entries(api, since=now + 3600) == []
        assert len(await entries(api, until=now + 3600)) == 6


async def test_staff_and_their_exports_are_in_the_log(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, signed_in(base_url, db, api.account_id, email="log@example.com") as client:
        root = f"/manage/{api.account_id}"
        page = await send(client, f"{root}/keys/new", key_name="website", scopes="apps")
        assert "managed_secret" not in page.text
        assert page.status_code == 200, page.text
        lines = (await client.get(f"{root}/audit/download")).text.splitlines()
        assert len(lines) == 1
        download, created = await entries(api)
        assert (created["action_name"], download["action_name"]) == ("key_create", "audit_download")
        assert (created["actor_kind"], created["actor_name"]) == ("staff", "log@example.com")
        assert created["row_after"]["managed_key"]["key_name"] == "website"
        page = await client.get(f"{root}/audit")
        assert "website" in page.text
        assert "All 2 entries are as they were written." in (await client.get(f"{root}/audit/verification")).text


# What programs call at any rate, or changes nothing that stays.
ROUTINE = {
    "manage_campaign_events_create",
    "manage_campaign_views_create",
    "manage_campaign_wagers_create",
    "manage_fans_identifiers_add",
    "manage_fans_rewards_claim",
    "manage_message_templates_preview",
    "manage_message_templates_send",
    "manage_passes_claim",
    "manage_passes_create",
    "manage_passes_transfer",
    "manage_registration_scans_create",
}
AUDITED = [
    each
    for each in calls.ENDPOINTS
    if each.path.startswith("/api/v1/manage/") and each.is_write and not each.takes_file
]


@pytest.fixture(scope="module")
async def numbers(base_url: str, db: Db) -> dict[str, int]:
    """How many entries each call made, once called in an account."""
    result = {}
    async with new_api(base_url, db) as api:
        values = await calls.made_values(api)
        for endpoint in calls.in_order():
            sql = "select coalesce(max(entry_number), 0) from audit_entries where account_id = $1"
            before = await db.value(sql, api.account_id)
            answer = await calls.send(api, endpoint, calls.right(endpoint, values))
            assert answer.status_code == 200, (endpoint.call_id, answer.text)
            result[endpoint.call_id] = await db.value(sql, api.account_id) - before
        assert (await verification(api))["is_valid"]
    return result


@pytest.mark.parametrize("endpoint", AUDITED, ids=lambda each: each.call_id)
def test_every_call_that_manages_has_its_entry(numbers: dict[str, int], endpoint: Endpoint) -> None:
    assert numbers[endpoint.call_id] == (endpoint.call_id not in ROUTINE)


def test_other_calls_have_none(numbers: dict[str, int]) -> None:
    names = {each.call_id for each in AUDITED}
    assert [name for name, count in numbers.items() if count and name not in names] == ["manage_fans_export"]
