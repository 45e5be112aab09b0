"""Helpers for tests of live membership: run the worker until it is done, and read the expected and actual members."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from fanfare.accounts.queries import account_by_id
from fanfare.kernel.data.db import Db
from fanfare.search.queries import conditions, stored
from fanfare.segments.actions.members import keep_members
from fanfare.segments.queries.live import accounts_due
from tests.api import Api

FILTERS = "/api/v1/manage/filters"


async def settle(db: Db, account_id: int, now: datetime) -> None:
    """Run the worker until there is nothing left to do."""
    account = await account_by_id(db, account_id)
    for _ in range(1000):
        if account_id not in await accounts_due(db, now):
            return
        await keep_members(db, account, now)
    message = "the follower comes to no end"
    raise AssertionError(message)


async def members(db: Db, account_id: int) -> dict[str, set[int]]:
    """Return the stored members of each filter, by its name."""
    rows = await db.rows(
        "select f.filter_name, m.fan_id from filters f join segment_members m on m.account_id = f.account_id"
        " and m.filter_id = f.filter_id where f.account_id = $1",
        account_id,
    )
    result: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        result[row["filter_name"]].add(row["fan_id"])
    return result


async def found_now(db: Db, account_id: int, now: datetime) -> dict[str, set[int]]:
    """Return by name of each active filter the fans whom a search finds now."""
    account = await account_by_id(db, account_id)
    rows = await db.rows("select filter_name, criteria from filters where account_id = $1 and is_active", account_id)
    result: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        where = await conditions.condition(db, account, stored.criteria_in(row["criteria"]), now)
        sql = f"select f.fan_id from fans f where f.account_id = $1 and {where.sql}"
        if here := {each["fan_id"] for each in await db.rows(sql, *where.args)}:
            result[row["filter_name"]] = here
    return result


async def announced(db: Db, account_id: int, filter_uid: str) -> list[tuple[str, int | None]]:
    """Return the announcements of a filter's members in the change log, in order."""
    rows = await db.rows(
        "select topic, fan_id from changes where account_id = $1 and subject_id = $2 and topic like 'segment.%'"
        " order by position",
        account_id,
        filter_uid,
    )
    return [(row["topic"].removeprefix("segment."), row["fan_id"]) for row in rows]


async def counts(db: Db, account_id: int) -> dict[str, int]:
    """Return the stored number of members of each filter with members, by its name."""
    rows = await db.rows(
        "select f.filter_name, s.member_count from filters f join filter_states s on s.account_id = f.account_id"
        " and s.filter_id = f.filter_id where f.account_id = $1 and s.member_count <> 0",
        account_id,
    )
    return {row["filter_name"]: row["member_count"] for row in rows}


async def saved(api: Api, name: str, /, **values: Any) -> str:
    """Store a filter and return its uid."""
    uid: str = (await api.ok(await api.post(FILTERS, filter_name=name, **values)))["filter_uid"]
    return uid
