"""While the days of an account are counted again, others attribute sales, judge clicks and follow members."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfare.account_settings.actions.accounts import change_zone
from fanfare.accounts.queries import account_by_id
from fanfare.kernel.data.db import Db
from fanfare.segments.actions.building import build
from fanfare.segments.actions.members import follow
from fanfare.trackers.actions.attribution import attribute, attribute_again
from fanfare.trackers.actions.judging import judge_again
from tests.account_settings.test_zones import ask, days_of, evening, local_days
from tests.api import Api, new_api
from tests.search.crowd import fan, tag
from tests.segments.live import saved
from tests.waits import until, until_blocked

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture
async def api(base_url: str, db: Db) -> AsyncIterator[Api]:
    """An account for each test, for its time zone stays changed."""
    async with new_api(base_url, db, name=uuid.uuid4().hex) as client:
        yield client


def change(api: Api, db: Db) -> asyncio.Task[None]:
    """Begin what the job does."""
    return asyncio.create_task(change_zone(db.for_account(api.account_id), api.account_id, datetime.now(UTC)))


async def waiting(db: Db, number: int, task: asyncio.Task[Any]) -> None:
    """Wait until so many connections wait for a lock, or the task ended."""

    async def is_so() -> bool:
        return task.done() or await db.value(WAITING) >= number

    await until(is_so)


async def name_click(api: Api, db: Db) -> None:
    """Let the sale name its click, so that it is credited again."""
    await db.execute(
        "update tracker_events set click_id = (select min(click_id) from tracker_clicks where account_id = $1)"
        " where account_id = $1",
        api.account_id,
    )


async def test_a_sale_that_is_being_attributed_is_moved_after_it(api: Api, db: Db, base_url: str) -> None:
    _, after = await evening(api, db, base_url)
    await name_click(api, db)
    await ask(api)
    async with db.transaction() as tx:
        await attribute_again(tx, api.account_id, [1])
        task = change(api, db)
        await until_blocked(db, tx, task)
    await task
    assert await days_of(db, api.account_id, "tracker_shares", "figure_date", "purchase_count") == [(after, 1)]
    assert await days_of(db, api.account_id, "tracker_sale_days", "figure_date", "purchase_count") == [(after, 1)]


async def test_a_sale_that_comes_meanwhile_is_of_the_new_day(api: Api, db: Db, base_url: str) -> None:
    _, after = await evening(api, db, base_url)
    await name_click(api, db)
    await db.execute(
        "insert into tracker_events (account_id, event_id, tracker_event_uid, event_source, purchase_event_name,"
        " purchase_amount, currency, quantity, created_at, click_id, is_clicked)"
        " select account_id, 2, gen_random_uuid(), 'pixel', 'Ticket', 2, 'CAD', 1, created_at, click_id, false"
        " from tracker_events where account_id = $1",
        api.account_id,
    )
    await ask(api)

    async def credit() -> None:
        async with db.transaction() as handle:
            await attribute(handle, api.account_id, [2])

    async with db.transaction() as tx:
        # The job waits with its last statement.
        await tx.rows("select * from tracker_click_days where account_id = $1 for update", api.account_id)
        task = change(api, db)
        await until_blocked(db, tx, task)
        sale = asyncio.create_task(credit())
        await waiting(db, 2, sale)
    await asyncio.gather(task, sale)
    shares = await days_of(db, api.account_id, "tracker_shares", "figure_date", "purchase_count")
    assert shares == [(after, 1), (after, 1)]
    assert await days_of(db, api.account_id, "tracker_sale_days", "figure_date", "purchase_count") == [(after, 2)]


async def test_clicks_that_are_being_judged_are_moved_after_it(api: Api, db: Db, base_url: str) -> None:
    _, after = await evening(api, db, base_url)
    await db.execute(
        "update tracker_clicks set user_agent = $2 where account_id = $1"
        " and click_id = (select min(click_id) from tracker_clicks where account_id = $1)",
        api.account_id,
        BOT,
    )
    await db.execute(
        "insert into tracker_settings (account_id) values ($1) on conflict (account_id) do nothing", api.account_id
    )
    await ask(api)
    async with db.transaction() as tx:
        # Judging waits before it commits.
        await tx.rows("select * from tracker_settings where account_id = $1 for update", api.account_id)
        judging = asyncio.create_task(judge_again(db.for_account(api.account_id), api.account_id, datetime.now(UTC)))
        await until_blocked(db, tx, judging)
        task = change(api, db)
        await waiting(db, 2, task)
    await asyncio.gather(task, judging)
    for column in ("human_count", "bot_count"):
        assert await days_of(db, api.account_id, "tracker_click_days", "figure_date", column) == [(after, 1)]


async def test_members_are_stored_by_the_day_of_the_zone_at_that_moment(api: Api, db: Db) -> None:
    first, second = [await fan(db, api.account_id, fan_source="zone") for _ in range(2)]
    await tag(db, api.account_id, "late", first)
    await saved(api, "late", fan_tags="late")
    # As a worker has it that reads the account before the change and stores after it.
    former = await account_by_id(db, api.account_id)
    # Of the next 24 hours the moment at which it is noon in Los Angeles and tomorrow in Kiritimati.
    now = datetime.now(UTC)
    now += timedelta(hours=(20 - now.hour) % 24)
    await ask(api)
    await change_zone(db.for_account(api.account_id), api.account_id, now)
    while await build(db, former, now):
        pass
    await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name="late", action="add", fan_ids=[second]))
    while await follow(db, former, now):
        pass
    today = (await local_days(db, now))[1]
    assert await days_of(db, api.account_id, "segment_days", "counted_on", "rebuilt_count") == [(today, 1)]
    assert await days_of(db, api.account_id, "segment_days", "counted_on", "entered_count") == [(today, 1)]
    followed_on = await db.value("select followed_on from segment_progress where account_id = $1", api.account_id)
    assert followed_on == today
