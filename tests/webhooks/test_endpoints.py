"""Endpoints: registered, changed, disabled, rotated, tested, replayed; limits, and what another account sees."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.webhooks.actions import replays, upkeep, webhooks
from fanfare.webhooks.actions.webhooks import seal_again
from fanfare.webhooks.jobs import keep_webhooks
from tests.api import Api, new_api
from tests.segments.live import saved
from tests.webhooks.receivers import PATH, deliver, receiver, register, rows, tag

# Rows are written without their totals.
FILLS_TABLES = True

NOW = datetime.now(UTC) + timedelta(minutes=30)
URL = "https://hooks.example.com/fanfare"


async def test_an_endpoint_is_registered_changed_listed_and_deleted(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api:
        hook = await register(api, URL, "fan.*", "fan.*", description="CRM")
        assert hook["secret"].startswith("whsec_")
        path = f"{PATH}/{hook['webhook_uid']}"
        await api.ok(await api.post(path, topics=["*.deleted"], description="", format="cloudevents"))
        answer = await api.get(PATH)
        (listed,) = answer.json()
        assert (listed["topics"], listed["description"], listed["format"]) == (["*.deleted"], None, "cloudevents")
        assert hook["secret"] not in answer.text
        assert await api.ok(await api.delete(path))
        assert (await api.get(PATH)).json() == []
        assert (await api.delete(path)).status_code == 404
        topics = [row["topic"] for row in (await api.get("/api/v1/manage/changes")).json()]
        assert topics == ["webhook.created", "webhook.updated", "webhook.deleted"]


async def test_the_secret_is_stored_sealed_and_never_listed(api: Api, db: Db) -> None:
    hook = await register(api, URL)
    listing = await db.rows("select sealed_secret from webhook_secrets where account_id = $1", api.account_id)
    assert hook["secret"] not in str(listing)
    await seal_again(db, api.account_id)
    await api.ok(await api.delete(f"{PATH}/{hook['webhook_uid']}"))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "http://hooks.example.com"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "x" * 3000}, "url"),
        ({"topics": []}, "topics"),
        ({"topics": ["fan.mergd"]}, "topics"),
        ({"topics": ["fan.*"] * 101}, "topics"),
        ({"format": "xml"}, "format"),
    ],
)
async def test_a_wrong_field_is_named(api: Api, fields: dict[str, Any], field: str) -> None:
    answer = await api.post(PATH, **{"url": URL, "topics": ["fan.*"], **fields})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_filters_must_be_the_accounts(api: Api, other_api: Api) -> None:
    business_id = (await other_api.ok(await other_api.post("/api/v1/manage/businesses", business_name="X")))[
        "business_id"
    ]
    for fields in ({"business_id": business_id}, {"filter_uid": str(uuid.uuid4())}):
        assert (await api.post(PATH, url=URL, topics=["fan.*"], **fields)).status_code == 404


async def test_an_account_has_a_limit(base_url: str, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "MAX_WEBHOOKS", 2)
    async with new_api(base_url, db) as api:
        for _ in range(2):
            await register(api, URL)
        answer = await api.post(PATH, url=URL, topics=["fan.*"])
        assert (answer.status_code, answer.json()["code"]) == (409, "too_many_webhooks")


async def test_a_rotated_secret_signs_beside_the_old_one_until_that_ends(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got:
        hook = await register(api, got.url)
        path = f"{PATH}/{hook['webhook_uid']}/secrets"
        second = (await api.ok(await api.post(path, overlap_hours=2)))["secret"]
        await tag(api, "two secrets")
        await deliver(db, api, NOW)
        assert [got.calls[-1].is_signed(each) for each in (hook["secret"], second)] == [True, True]
        await tag(api, "one secret")
        await deliver(db, api, NOW + timedelta(hours=3))
        assert [got.calls[-1].is_signed(each) for each in (hook["secret"], second)] == [False, True]
        third = (await api.ok(await api.post(path, overlap_hours=0)))["secret"]
        await tag(api, "at once")
        await deliver(db, api, NOW)
        assert [got.calls[-1].is_signed(each) for each in (second, third)] == [False, True]
        for _ in range(8):
            await api.ok(await api.post(path))
        assert await db.value("select count(*) from webhook_secrets where account_id = $1", api.account_id) == 5


async def test_a_test_goes_to_its_endpoint_alone(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got, receiver() as second:
        hook = await register(api, got.url)
        await register(api, second.url, "*")
        test = await api.ok(await api.post(f"{PATH}/{hook['webhook_uid']}/test"))
        await deliver(db, api, NOW)
        (call,) = got.calls
        assert (call.message_id, call.event["type"]) == (test["message_id"], "webhook.tested")
        assert all(each.event["type"] != "webhook.tested" for each in second.calls)


async def test_what_happens_while_disabled_is_replayed_on_request(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got:
        hook = await register(api, got.url)
        path = f"{PATH}/{hook['webhook_uid']}"
        await tag(api, "before")
        await deliver(db, api, NOW)
        await api.ok(await api.post(path, is_enabled=False))
        await tag(api, "meanwhile")
        await deliver(db, api, NOW)
        answer = await api.post(f"{path}/replay", min_timestamp="2020-01-01")
        assert (answer.status_code, answer.json()["code"]) == (409, "webhook_disabled")
        await api.ok(await api.post(path, is_enabled=True))
        await tag(api, "afterwards")
        await deliver(db, api, NOW)
        ids = [call.message_id for call in got.calls]
        assert len(ids) == len(set(ids)) == 2
        replayed = await api.ok(await api.post(f"{path}/replay", min_timestamp="2020-01-01"))
        assert replayed == {"count": 3, "after": None}
        await deliver(db, api, NOW)
        again = [call.message_id for call in got.calls[2:]]
        assert set(ids) < set(again)
        assert len(again) == 3
        first = (await rows(api, hook["webhook_uid"]))[0]
        assert await api.ok(await api.post(f"{path}/replay", delivery_id=first["delivery_id"])) == {
            "count": 1, "after": None,
        }  # fmt: skip
        await deliver(db, api, NOW)
        assert got.calls[-1].message_id == first["message_id"]


async def test_replays_go_on_and_do_not_pile_up(base_url: str, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "MAX_REPLAYED", 2)
    monkeypatch.setattr(replays, "BATCH", 2)
    async with new_api(base_url, db) as api:
        hook = await register(api, URL)
        path = f"{PATH}/{hook['webhook_uid']}/replay"
        for number in range(5):
            await tag(api, f"replayed {number}")
        counts: list[int] = []
        place: dict[str, int] = {}
        while True:
            replayed = await api.ok(await api.post(path, min_timestamp="2020-01-01", **place))
            counts.append(replayed["count"])
            if replayed["after"] is None:
                break
            place = {"after": replayed["after"]}
        assert sum(counts) == 5
        assert max(counts) == 2
        assert (await api.post(path, delivery_id=1)).status_code == 404
        monkeypatch.setattr(replays, "MAX_WAITING", 3)
        answer = await api.post(path, min_timestamp="2020-01-01")
        assert (answer.status_code, answer.json()["code"]) == (409, "too_many_waiting")
        for body in ({}, {"delivery_id": 1, "min_timestamp": "2020-01-01"},
                     {"min_timestamp": "2021-01-01", "max_timestamp": "2020-01-01"}):  # fmt: skip
            assert (await api.post(path, **body)).status_code == 422


async def test_a_replay_has_what_a_long_transaction_wrote_late(
    base_url: str, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "BATCH", 1)
    async with new_api(base_url, db) as api:
        hook = await register(api, URL, "tag.created")
        for name in ("early", "late", "long", "later"):
            await tag(api, f"{name} in a range")
        # The time of a change is that of the begin of its transaction, which may commit behind later ones.
        times = {"early": 0, "late": 11, "long": 9, "later": 60}
        sql = """
            update changes c set occurred_at = $3
            from tags t where t.account_id = $1 and c.account_id = $1 and c.topic = 'tag.created'
              and c.subject_id = t.tag_id::text and t.tag_name = $2
        """
        begin = datetime.now(UTC) - timedelta(hours=2)
        for name, minute in times.items():
            await db.execute(sql, api.account_id, f"{name} in a range", begin + timedelta(minutes=minute))
        span = {"min_timestamp": begin.isoformat(), "max_timestamp": (begin + timedelta(minutes=10)).isoformat()}
        replayed = await api.ok(await api.post(f"{PATH}/{hook['webhook_uid']}/replay", **span))
        assert replayed == {"count": 2, "after": None}


async def test_a_replay_of_a_rare_topic_reads_a_part_of_the_log_at_a_time(
    base_url: str, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "BATCH", 1)
    monkeypatch.setattr(replays, "MAX_PAGES", 2)
    async with new_api(base_url, db) as api:
        hook = await register(api, URL, "tag.created")
        for number in range(5):
            await tag(api, f"rare {number}")
        path = f"{PATH}/{hook['webhook_uid']}/replay"
        counts: list[int] = []
        place: dict[str, int] | None = {}
        while place is not None and len(counts) < 10:
            replayed = await api.ok(await api.post(path, min_timestamp="2020-01-01", **place))
            counts.append(replayed["count"])
            place = {"after": replayed["after"]} if replayed["after"] else None
        assert max(counts) <= 2
        assert sum(counts) == 5


async def test_deliveries_are_kept_as_long_as_the_settings_say(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got:
        hook = await register(api, got.url)
        await tag(api, "kept")
        await deliver(db, api, NOW)
        try:
            # The default is 30 days.
            for days, later, count in ((30, 29, 1), (40, 39, 1), (2, 3, 0)):
                upkeep.delivery_retention.use(Settings(deliveries_days=days))
                await keep_webhooks(db, api.account_id, NOW + timedelta(days=later))
                assert len(await rows(api, hook["webhook_uid"])) == count
        finally:
            upkeep.delivery_retention.use(Settings())


async def test_cloudevents_are_in_their_form(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got:
        hook = await register(api, got.url, format="cloudevents")
        await tag(api, "cloud")
        await deliver(db, api, NOW)
        (call,) = got.calls
        assert call.headers["content-type"] == "application/cloudevents+json"
        assert call.is_signed(hook["secret"])
        assert {name: call.event[name] for name in ("specversion", "id", "source", "type", "subject")} == {
            "specversion": "1.0", "id": call.message_id, "source": f"/accounts/{api.account_id}",
            "type": "tag.created", "subject": call.event["data"]["subject_id"],
        }  # fmt: skip


async def test_a_segment_and_a_business_filter_what_is_sent(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as of_segment, receiver() as of_business:
        filter_uid = await saved(api, "Locals", fan_provinces="BC")
        business_id = (await api.ok(await api.post("/api/v1/manage/businesses", business_name="Shop")))["business_id"]
        await register(api, of_segment.url, "fan.*", filter_uid=filter_uid)
        await register(api, of_business.url, "consent.*", "business.*", business_id=business_id)
        fans = [
            (
                await api.ok(
                    await api.post("/api/v1/crm/fans", email=f"{name}@x.example", country_code="CA", province=name)
                )
            )["fan_id"]
            for name in ("BC", "ON")
        ]
        await db.execute(
            """
            with entered as (
                insert into segment_members (account_id, filter_id, fan_id, entered_at)
                select account_id, filter_id, $3, now() from filters where account_id = $1 and filter_uid = $2
                on conflict do nothing
                returning filter_id
            )
            update filter_states s set member_count = member_count + 1
            from entered where s.account_id = $1 and s.filter_id = entered.filter_id
            """,
            api.account_id,
            uuid.UUID(filter_uid),
            fans[0],
        )
        await api.ok(await api.post(f"/api/v1/manage/businesses/{business_id}", business_name="Other shop"))
        await api.ok(await api.post("/api/v1/manage/businesses", business_name="Elsewhere"))
        await deliver(db, api, NOW)
        assert {call.event["data"]["fan_id"] for call in of_segment.calls} == {fans[0]}
        assert {call.event["data"]["subject_id"] for call in of_business.calls} == {str(business_id)}


async def test_the_end_of_a_fan_is_sent_whatever_the_segment(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got:
        await register(api, got.url, "fan.*", filter_uid=await saved(api, "Locals", fan_provinces="BC"))
        fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="left@x.example")))["fan_id"]
        await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
        await deliver(db, api, NOW)
        assert [(call.event["type"], call.event["data"]["fan_id"]) for call in got.calls] == [("fan.deleted", fan_id)]


async def test_deliveries_are_paged_and_filtered(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got:
        hook = await register(api, got.url)
        path = f"{PATH}/{hook['webhook_uid']}/deliveries"
        for number in range(3):
            await tag(api, f"listed {number}")
        await deliver(db, api, NOW)
        first = await api.ok(await api.get(path, limit=2))
        second = await api.ok(await api.get(path, limit=2, cursor=first["meta"]["next_cursor"]))
        ids = [row["delivery_id"] for row in (*first["data"], *second["data"])]
        assert ids == sorted(ids, reverse=True)
        assert len(ids) == 3
        assert (await api.ok(await api.get(path, state="failed")))["data"] == []
        (listed,) = (row for row in await api.ok(await api.get(PATH)) if row["webhook_uid"] == hook["webhook_uid"])
        assert listed["waiting_count"] == 0
        row = first["data"][0]
        assert json.loads(row["request_body"])["type"] == row["topic"] == "tag.created"


async def test_another_accounts_endpoint_is_unknown(api: Api, other_api: Api) -> None:
    hook = await register(api, URL)
    path = f"{PATH}/{hook['webhook_uid']}"
    for answer in (
        await other_api.post(path, is_enabled=False),
        await other_api.delete(path),
        await other_api.post(f"{path}/test"),
        await other_api.post(f"{path}/secrets"),
        await other_api.get(f"{path}/deliveries"),
        await other_api.post(f"{path}/replay", min_timestamp="2020-01-01"),
    ):
        assert answer.status_code == 404
