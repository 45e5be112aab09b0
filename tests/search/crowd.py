"""Fans for tests, written directly to the tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fanfare.campaigns.actions.activities import count_activities
from fanfare.idols.actions.links import find_or_create_idols, link_fans
from fanfare.kernel.data.db import Db
from tests.api import Api

SEARCH = "/api/v1/crm/fans"


async def fan(db: Db, account_id: int, **values: object) -> int:
    """Add a fan with these columns and return its id."""
    moment = values.pop("created_at", datetime.now(UTC))
    names = list(values)
    marks = "".join(f", ${number}" for number in range(3, 3 + len(names)))
    fan_id: int = await db.value(
        f"""
        insert into fans (account_id, created_at, updated_at, position{"".join(f", {name}" for name in names)})
        values ($1, $2, $2, nextval('positions'){marks})
        returning fan_id
        """,
        account_id,
        moment,
        *values.values(),
    )
    return fan_id


async def many_fans(db: Db, account_id: int, count: int, province: str = "BC") -> list[int]:
    rows = await db.rows(
        """
        insert into fans (account_id, province, first_name, created_at, updated_at, position)
        select $1, $2, 'Fan ' || number, now(), now(), nextval('positions') from generate_series(1, $3::int) number
        returning fan_id
        """,
        account_id,
        province,
        count,
    )
    return sorted(row["fan_id"] for row in rows)


async def drop_fans(db: Db, account_id: int, fan_ids: list[int]) -> None:
    await db.execute("delete from fans where account_id = $1 and fan_id = any($2)", account_id, fan_ids)


async def tag(db: Db, account_id: int, name: str, *fan_ids: int, moment: datetime | None = None) -> int:
    """Tag fans; create the tag if it does not exist."""
    tag_id: int = await db.value(
        """
        insert into tags (account_id, tag_name, created_at) values ($1, $2, now())
        on conflict (account_id, fold_text(tag_name)) do update set tag_name = excluded.tag_name
        returning tag_id
        """,
        account_id,
        name,
    )
    sql = """
        insert into fan_tags (account_id, tag_id, fan_id, created_at, position)
        select $1, $2, unnest($3::bigint[]), $4, nextval('positions')
    """
    await db.execute(sql, account_id, tag_id, list(fan_ids), moment or datetime.now(UTC))
    return tag_id


async def follow(db: Db, account_id: int, idol_name: str, *fan_ids: int, is_explicit: bool = True) -> None:
    """Let fans follow an idol; create it if it does not exist."""
    now = datetime.now(UTC)
    (idol_uid,) = await find_or_create_idols(db, account_id, [idol_name], now)
    await link_fans(db, account_id, list(fan_ids), [idol_uid] * len(fan_ids), now, is_explicit=is_explicit)


async def activity(db: Db, account_id: int, fan_id: int, moment: datetime, page_tab_id: int | None = None) -> None:
    await db.execute(
        """
        insert into activities (account_id, activity_id, fan_id, page_tab_id, created_at)
        values ($1, nextval('positions'), $2, $3, $4)
        """,
        account_id,
        fan_id,
        page_tab_id,
        moment,
    )
    await count_activities(db, account_id)


async def search(api: Api, **query: Any) -> list[int]:
    """Return the ids of the first page."""
    answer = await api.ok(await api.get(SEARCH, **query))
    return [row["fan_id"] for row in answer["data"]]


def days_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)
