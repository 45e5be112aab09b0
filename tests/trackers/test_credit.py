"""What a sale is credited to, and what may change it: replaced reports, many clicks, long orders, erased fans."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from fanfare.kernel.data.db import Db
from fanfare.trackers import jobs
from fanfare.trackers.actions import attribution, upkeep
from fanfare.trackers.actions.redirects import fan_token
from fanfare.trackers.queries import events as event_queries
from fanfare.trackers.queries import trackers as tracker_queries
from fanfare.trackers.queries.visitors import visitor_of
from tests.api import Api
from tests.trackers.links import browser, click, figures, new_tracker, query_of, rows
from tests.trackers.test_sales import clicked, event_of, later, report, sales_of

SALES = """
    insert into tracker_events (account_id, event_id, tracker_event_uid, event_source, created_at, purchase_amount,
                                currency, quantity, order_key, network, tracker_id, is_clicked, ticket_id, fan_id)
    select $1, nextval('positions'), gen_random_uuid(), 'ticket', $2::timestamptz - n * interval '1 hour', 0, 'CAD', 1,
           $3, '', $4, false, $5::bigint + n, $6
    from generate_series(1, $7::int) as n
    returning event_id
"""


async def new_fan(api: Api) -> int:
    email = f"{uuid.uuid4().hex}@example.com"
    fan_id: int = (await api.ok(await api.post("/api/v1/crm/fans", email=email)))["fan_id"]
    return fan_id


async def test_only_a_report_whose_click_is_credited_replaces_another_once(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api, purchase_event_wildcard="ticket*")
    sale = {"order_key": "true sale", "purchase_event_name": "ticket", "purchase_amount": 50}
    await report(api, base_url, **sale)
    first = await event_of(api, "true sale")

    bot = query_of(await click(base_url, saved["tracker_key"], agent="curl/8.5.0"))["trk_click"]
    old = await clicked(base_url, saved)
    await later(db, saved["tracker_id"], days=6)
    token = await clicked(base_url, saved)
    for each in (bot, old):
        await report(api, base_url, **{**sale, "purchase_amount": 0}, trk_click=each)
    await report(api, base_url, **{**sale, "purchase_event_name": "parking"}, trk_click=token)
    assert await event_of(api, "true sale") == first

    # Long after the sale nothing replaces it.
    move = "update tracker_events set created_at = created_at + $2::interval where tracker_event_uid = $1"
    await db.execute(move, uuid.UUID(first["tracker_event_uid"]), timedelta(days=-2))
    await report(api, base_url, **sale, trk_click=token)
    assert not (await event_of(api, "true sale"))["is_clicked"]
    await db.execute(move, uuid.UUID(first["tracker_event_uid"]), timedelta(days=2))

    for amount in (20, 7):
        await report(api, base_url, **{**sale, "purchase_amount": amount}, trk_click=token)
    second = await event_of(api, "true sale")
    assert (second["tracker_event_uid"], second["purchase_amount"]) == (first["tracker_event_uid"], 20)
    assert await sales_of(api, saved["tracker_id"]) == (1, 20)
    topics = await db.rows(
        """
        select topic from changes c join tracker_events e using (account_id)
        where account_id = $1 and c.subject_id = e.event_id::text and e.tracker_event_uid = $2
        """,
        api.account_id,
        uuid.UUID(first["tracker_event_uid"]),
    )
    assert sorted(row["topic"] for row in topics) == ["tracker_event.created", "tracker_event.updated"]


async def test_clicks_of_programs_take_no_credit_from_people(api: Api, db: Db, base_url: str) -> None:
    """Whoever has the link of a fan can let programs click it, as previews do."""
    saved, fan_id = await new_tracker(api), await new_fan(api)
    await click(base_url, saved["tracker_key"], f"?trk_fan={fan_token(api.account_id, fan_id)}")
    await db.execute(
        """
        insert into tracker_clicks (account_id, click_id, tracker_id, clicked_at, visitor_uid, fan_id, verdict, reason,
                                    is_repeated, rules_version, method)
        select account_id, nextval('positions'), tracker_id, clicked_at, visitor_uid, fan_id, 'preview', '', false,
               rules_version, method
        from tracker_clicks, generate_series(1, $2::int) where tracker_id = $1
        """,
        saved["tracker_id"],
        attribution.MAX_CLICKS,
    )
    event_ids = await db.rows(
        SALES, api.account_id, datetime.now(UTC) + timedelta(hours=1), None, None, 10_000_000, fan_id, 1
    )
    await attribution.attribute_again(db, api.account_id, [row["event_id"] for row in event_ids])
    assert await sales_of(api, saved["tracker_id"]) == (1, 0)
    # They are counted by no figure.
    await db.execute("delete from tracker_clicks where fan_id = $1 and verdict = 'preview'", fan_id)


async def explain(connection: Any, sql: str, *args: object) -> list[dict[str, Any]]:
    """Run a statement, undo what it changed, and return the nodes of its plan."""
    transaction = connection.transaction()
    await transaction.start()
    plan = await connection.fetchval(f"explain (analyze, format json) {sql}", *args)
    await transaction.rollback()
    plan = json.loads(plan) if isinstance(plan, str) else plan

    def nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
        return [node, *(each for part in node.get("Plans", []) for each in nodes(part))]

    return nodes(plan[0]["Plan"])


@pytest.fixture(scope="module")
async def long_order(other_api: Api, db: Db) -> tuple[int, list[int]]:
    """Return a tracker, and the sales of an order that stands for thousands of tickets."""
    tracker_id = (await new_tracker(other_api))["tracker_id"]
    saved = await db.rows(SALES, other_api.account_id, datetime.now(UTC), "COMP", tracker_id, 20_000_000, None, 3000)
    await db.execute("analyze tracker_events")
    return tracker_id, sorted(row["event_id"] for row in saved)


async def test_a_line_of_a_long_order_reads_a_part_of_it(
    other_api: Api, db: Db, long_order: tuple[int, list[int]]
) -> None:
    _, event_ids = long_order
    async with db.connection() as connection:
        for statement in (attribution.COUNTED_LINES, attribution.ATTRIBUTE):
            nodes = await explain(connection, statement, other_api.account_id, event_ids[-1:])
            assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes) <= attribution.MAX_LINES


@pytest.mark.usefixtures("long_order")
async def test_pages_of_sales_and_deletions_of_trackers_read_what_they_need(other_api: Api, db: Db) -> None:
    end = datetime.now(UTC) - timedelta(hours=2990)
    values = {
        "after": 0, "bound": 2**62, "start": end - timedelta(hours=5), "end": end, "purchase_event_name": None,
        "is_clicked": None, "limit": 501,
    }  # fmt: skip
    page = event_queries.PAGE
    async with db.connection() as connection:
        await connection.execute("set plan_cache_mode = force_custom_plan")
        nodes = await explain(connection, page.text, *page.arguments(other_api.account_id, values))
        await connection.execute("reset plan_cache_mode")
        assert max(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in nodes) <= 5
        nodes = await explain(connection, upkeep.PARTS[1], other_api.account_id, 2**60, upkeep.CHUNK)
        names = {node.get("Index Name") for node in nodes}
        assert "tracker_events_by_tracker" in names
        assert "Seq Scan" not in {node["Node Type"] for node in nodes}


async def test_the_sales_of_a_deleted_tracker_are_untied_in_parts(
    other_api: Api, db: Db, long_order: tuple[int, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker_id, event_ids = long_order
    monkeypatch.setattr(upkeep, "CHUNK", 1000)
    await other_api.ok(await other_api.delete(f"/api/v1/manage/trackers/{tracker_id}"))
    count = "select count(*) from tracker_events where account_id = $1 and tracker_id = $2"
    assert await db.value(count, other_api.account_id, tracker_id) == len(event_ids)
    await jobs.delete_clicks(db.for_account(other_api.account_id), tracker_id)
    assert await db.value(count, other_api.account_id, tracker_id) == 0


async def test_the_list_reads_the_days_of_its_window(api: Api, db: Db) -> None:
    """However many days there are."""
    saved = [(await new_tracker(api))["tracker_id"] for _ in range(5)]
    today = datetime.now(UTC).date()
    await db.execute(
        """
        insert into tracker_click_days (account_id, tracker_id, figure_date, human_count)
        select $1, tracker_id, $3::date - day, 1 from unnest($2::bigint[]) as tracker_id, generate_series(0, 999) as day
        """,
        api.account_id,
        saved,
        today,
    )
    await db.execute("analyze tracker_click_days")
    arguments = today - timedelta(days=30), today, "CAD", saved[0] - 1, 2**62, 6, None, None
    async with db.connection() as connection:
        nodes = await explain(connection, tracker_queries.LIST.format(order="desc"), api.account_id, *arguments)
    read = [node for node in nodes if node.get("Relation Name") == "tracker_click_days"]
    assert (
        sum((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in read)
        == 5 * 31
    )
    # They have no clicks that they were counted from.
    await db.execute("delete from tracker_click_days where tracker_id = any($1::bigint[])", saved)


async def test_erasure_clears_the_browsers_of_a_fan_and_nothing_of_others(api: Api, db: Db, base_url: str) -> None:
    saved, one, two = await new_tracker(api), await new_fan(api), await new_fan(api)
    path = f"/trk/{saved['tracker_key']}"
    async with browser(base_url) as client:
        await client.get(path)
        sale = {"api_key": api.keys["Api-Key"], "order_key": "family", "purchase_event_details": '{"name": "Ada"}'}
        await client.get("/trk/pixel.gif", params=sale)
        for fan_id in (one, two):
            await client.get(f"{path}?trk_fan={fan_token(api.account_id, fan_id)}")
    await api.ok(await api.post(f"/api/v1/manage/fans/{one}/erase"))
    remaining = await rows(db, saved["tracker_id"])
    assert [(row["fan_id"], row["visitor_uid"] is None) for row in remaining] == [
        (None, True),
        (None, True),
        (two, False),
    ]
    row = await db.row("select * from tracker_events where account_id = $1 and order_key = 'family'", api.account_id)
    assert row is not None
    personal = ("fan_id", "visitor_uid", "ip_address", "user_agent", "purchase_event_details")
    assert {name: row[name] for name in personal} == dict.fromkeys(personal)


async def test_a_time_to_come_does_not_stop_the_clearing(api: Api, db: Db, base_url: str) -> None:
    saved = await new_tracker(api)
    for _ in range(2):
        await clicked(base_url, saved)
    first, second = await rows(db, saved["tracker_id"])
    move = "update tracker_clicks set clicked_at = clicked_at + $2::interval where account_id = $3 and click_id <= $1"
    await db.execute(move, second["click_id"], timedelta(days=-40), api.account_id)
    await db.execute(
        "update tracker_clicks set clicked_at = now() + interval '1 year' where click_id = $1", first["click_id"]
    )
    await jobs.clear_old_clicks(db.for_account(api.account_id), api.account_id, datetime.now(UTC))
    assert [row["ip_address"] for row in await rows(db, saved["tracker_id"])] == [None, None]


async def test_the_former_cookie_names_the_browser(api: Api, db: Db, base_url: str) -> None:
    saved, cookie = await new_tracker(api), uuid.uuid4().hex
    async with browser(base_url, Cookie=f"trk={cookie}") as client:
        answer = await client.get(f"/trk/{saved['tracker_key']}")
        await client.get("/trk/pixel.gif", params={"api_key": api.keys["Api-Key"], "order_key": "former cookie"})
    assert answer.cookies["fanfare-trk"] == cookie
    (row,) = await rows(db, saved["tracker_id"])
    assert row["visitor_uid"].hex == visitor_of(api.account_id, cookie)
    assert (await event_of(api, "former cookie"))["is_clicked"]


async def queued(db: Db, api: Api) -> int:
    """Return how many attributions of an account wait, and let none wait."""
    sql = "delete from jobs.pgqueuer where dedupe_key = 'trackers.attribute_all:' || $1::bigint::text returning id"
    return len(await db.rows(sql, api.account_id))


async def test_clicks_of_a_server_with_former_lists_are_judged_again(api: Api, db: Db, base_url: str) -> None:
    account_db, now = db.for_account(api.account_id), datetime.now(UTC)
    await jobs.judge_clicks(account_db, api.account_id, now)
    await queued(db, api)
    saved = await new_tracker(api)
    await clicked(base_url, saved)
    await jobs.judge_clicks(account_db, api.account_id, now)
    assert await queued(db, api) == 0
    await clicked(base_url, saved)
    _, second = await rows(db, saved["tracker_id"])
    await db.execute(
        "update tracker_clicks set verdict = 'bot', rules_version = 'former' where click_id = $1", second["click_id"]
    )
    await db.execute(
        "update tracker_click_days set human_count = 1, bot_count = 1 where tracker_id = $1", saved["tracker_id"]
    )
    await jobs.judge_clicks(account_db, api.account_id, now)
    assert (await figures(api, saved["tracker_id"]))["click_counts"] == {"human": 2}
    assert await queued(db, api) == 1


async def test_sales_that_are_due_are_attributed_once(api: Api, db: Db) -> None:
    """As an upgrade leaves them, or a worker that died after it had judged a part of the clicks."""
    account_db, now = db.for_account(api.account_id), datetime.now(UTC)
    await jobs.judge_clicks(account_db, api.account_id, now)
    await queued(db, api)
    await db.execute("update tracker_settings set is_attribution_due = true where account_id = $1", api.account_id)
    for expected in (1, 0):
        await jobs.judge_clicks(account_db, api.account_id, now)
        assert await queued(db, api) == expected


async def test_an_attribution_that_meets_another_begins_again(
    api: Api, db: Db, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = await new_tracker(api)
    await report(api, base_url, order_key="conflict", purchase_amount=5, trk_click=await clicked(base_url, saved))
    again, attempts = attribution.attribute_again, list[int]()

    async def conflict(*args: Any) -> None:
        await again(*args)
        attempts.append(1)
        if len(attempts) == 1:
            raise asyncpg.DeadlockDetectedError

    monkeypatch.setattr(attribution, "attribute_again", conflict)
    await jobs.attribute_all(db.for_account(api.account_id))
    assert len(attempts) > 1
    assert await sales_of(api, saved["tracker_id"]) == (1, 5)
