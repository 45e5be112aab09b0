"""Awards of an import: recorded in batches at the time they were made, and deleted again by an undo.

An award counts once: by its award_key, else by its fan, category, number and time.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfare.campaigns.actions.quests import settle
from fanfare.fans.actions.importing import ImportContext
from fanfare.fans.actions.importing_owners import Owner, owner
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.sql import Arrays, Sql
from fanfare.kernel.errors import BadParameters, Refusal, Unknown
from fanfare.kernel.folding import fold
from fanfare.kernel.parameters import present_fields
from fanfare.kernel.wire import check_past
from fanfare.points.actions.awards import AwardKeyUsed, PointClosed
from fanfare.points.actions.standings import AFTER_PAST_AWARDS, recount_fans
from fanfare.points.schemas.points import ImportedAward
from fanfare.points.topics import POINTS_DELETED


class AwardLine(msgspec.Struct, frozen=True):
    """An award of an import and its fan."""

    new: ImportedAward
    owner: Owner


class Entry(msgspec.Struct, frozen=True):
    """An award of an import whose fan and category were found."""

    new: ImportedAward
    fan_id: int
    point_uid: uuid.UUID


class AwardOutcome(msgspec.Struct, frozen=True):
    """What became of an award: its id if it is new, or why it was refused."""

    fan_point_id: int | None = None
    refusal: Refusal | None = None


def award_line(new: ImportedAward, context: ImportContext) -> AwardLine:
    """Return the line of an award; BadParameters (422) names every invalid field."""
    check_past(context.now, award_timestamp=new.award_timestamp)
    return AwardLine(new, owner(present_fields(new), context, context.uploaded_at))


async def categories_of(db: Db, account_id: int, lines: Sequence[AwardLine]) -> list[uuid.UUID | Refusal]:
    """Return the category of points of each line, or why it is refused."""
    rows = await db.rows("select point_uid, point_name, is_active from points where account_id = $1", account_id)
    by_name = {fold(row["point_name"]): row for row in rows}
    by_uid = {row["point_uid"]: row for row in rows}
    campaigns = {each.new.page_tab_id for each in lines if each.new.page_tab_id is not None}
    present = {row["page_tab_id"] for row in await db.rows(CAMPAIGNS, account_id, list(campaigns))}
    return [_category(each.new, by_name, by_uid, present) for each in lines]


CAMPAIGNS = "select page_tab_id from campaigns where account_id = $1 and page_tab_id = any($2::bigint[])"


def _category(
    new: ImportedAward, by_name: dict[str, Record], by_uid: dict[uuid.UUID, Record], campaigns: set[int]
) -> uuid.UUID | Refusal:
    row = by_uid.get(new.point_uid) if new.point_uid else by_name.get(fold(new.point_name or ""))
    if row is None:
        return Unknown(point_category=new.point_uid or new.point_name)
    if new.page_tab_id is not None and new.page_tab_id not in campaigns:
        return BadParameters([("page_tab_id", "is not a campaign of this account")])
    point_uid: uuid.UUID = row["point_uid"]
    return point_uid if row["is_active"] else PointClosed()


LINES = Arrays(
    "line",
    {
        "place": "integer", "fan_point_uid": "uuid", "fan_id": "bigint", "point_uid": "uuid", "point_count": "bigint",
        "point_type": "text", "point_source": "text", "page_tab_id": "bigint", "award_key": "text",
        "created_at": "timestamptz",
    },
)  # fmt: skip
AWARD = Sql(f"""
    with {HOLD},
    lines as materialized (
        select * from {LINES.unnest("g")}
    ),
    inserted as (
        insert into fan_points (account_id, fan_point_id, fan_point_uid, fan_id, point_uid, point_count, point_type,
                                point_source, page_tab_id, award_key, created_at)
        select $1, nextval('positions'), fan_point_uid, fan_id, point_uid, point_count, point_type, point_source,
               page_tab_id, award_key, created_at
        from hold cross join (select * from lines order by place) as g
        on conflict (account_id, award_key) where award_key is not null do nothing
        returning account_id, fan_point_id, fan_point_uid, fan_id, point_uid, page_tab_id, point_count, reward_uid,
                  created_at
    ),
    {AFTER_PAST_AWARDS}
    select lines.place, inserted.fan_point_id, inserted.fan_id,
           inserted.fan_id in (select fan_id from progress) as has_progress
    from inserted join lines on lines.fan_point_uid = inserted.fan_point_uid
""")  # noqa: S608 - fixed parts
# By key, else by what it is. The awards of each fan are read once, by the fan: thousands may have the same time.
PRIOR = Sql(f"""
    with lines as materialized (
        select * from {LINES.unnest("g")}
    ),
    by_fan as materialized (
        select p.*
        from (select distinct fan_id from lines where award_key is null) as d
        cross join lateral (
            select fan_id, point_uid, point_count, created_at from fan_points
            where account_id = $1 and fan_id = d.fan_id offset 0) p
        where p.created_at in (select created_at from lines)
    )
    select g.place, (p.fan_id, p.point_uid, p.point_count) = (g.fan_id, g.point_uid, g.point_count) as is_same
    from lines g
    cross join lateral (
        select fan_id, point_uid, point_count from fan_points
        where account_id = $1 and award_key = g.award_key limit 1) p
    union all
    select distinct g.place, true
    from lines g
    join by_fan p on p.fan_id = g.fan_id and p.point_uid = g.point_uid and p.created_at = g.created_at
        and p.point_count = g.point_count
    where g.award_key is null
""")  # noqa: S608 - fixed parts


async def import_awards(db: Db, entries: Sequence[Entry], context: ImportContext) -> list[AwardOutcome]:
    """Record awards, each once; in the caller's transaction, which holds the rows of the fans."""
    account_id = context.account.id
    rows = [_row(place, each, context.uploaded_at) for place, each in enumerate(entries)]
    outcomes = _repeated(rows)
    fresh = [row for place, row in enumerate(rows) if outcomes[place] is None]
    for prior in await db.rows(PRIOR, account_id, **LINES.arguments(fresh)):
        outcomes[prior["place"]] = AwardOutcome(refusal=None if prior["is_same"] else AwardKeyUsed())
    fresh = [row for place, row in enumerate(rows) if outcomes[place] is None]
    created = await db.rows(AWARD, account_id, **LINES.arguments(fresh), now=context.now)
    if due := sorted({row["fan_id"] for row in created if row["has_progress"]}):
        await settle(db, account_id, due, context.now)
    ids = {row["place"]: row["fan_point_id"] for row in created}
    return [outcome or AwardOutcome(ids.get(place)) for place, outcome in enumerate(outcomes)]


def _repeated(rows: Sequence[dict[str, object]]) -> list[AwardOutcome | None]:
    """Return the outcome of each row that repeats an earlier one, None for the others."""
    first: dict[object, object] = {}
    result: list[AwardOutcome | None] = []
    for row in rows:
        award = row["fan_id"], row["point_uid"], row["point_count"]
        key = row["award_key"] or (*award, row["created_at"])
        earlier = first.setdefault(key, row)
        is_same = isinstance(earlier, dict) and all(earlier[name] == row[name] for name in AWARDED)
        result.append(None if earlier is row else AwardOutcome(refusal=None if is_same else AwardKeyUsed()))
    return result


AWARDED = ("fan_id", "point_uid", "point_count")


def _row(place: int, entry: Entry, uploaded_at: datetime) -> dict[str, object]:
    new = entry.new
    return {
        "place": place,
        "fan_point_uid": uuid.uuid4(),
        "fan_id": entry.fan_id,
        "point_uid": entry.point_uid,
        "point_count": new.point_count,
        "point_type": new.point_type or "points",
        "point_source": new.point_source,
        "page_tab_id": new.page_tab_id,
        "award_key": new.award_key,
        "created_at": new.award_timestamp or uploaded_at,
    }


DELETE = f"""
    with {HOLD},
    deleted as (
        delete from fan_points where account_id = $1 and fan_point_id = any($2::bigint[])
        returning fan_point_uid, fan_id, point_uid, point_count
    )
    {announce(POINTS_DELETED, "deleted", at="$3")}
"""  # noqa: S608 - fixed parts


async def delete_awards(db: Db, account_id: int, fan_point_ids: Sequence[int], now: datetime) -> int:
    """Delete awards unless their fan has spent them; return the number of those deleted.

    Part of the caller's transaction.
    """
    fans = await db.rows(LOCK, account_id, list(fan_point_ids))
    unspent = [row["fan_point_id"] for row in await db.rows(UNSPENT, account_id, list(fan_point_ids))]
    await db.execute(DELETE, account_id, unspent, now)
    await recount_fans(db, account_id, [row["fan_id"] for row in fans])
    return len(unspent)


# Whoever spends or gets points holds the standing, or the fan.
LOCK = """
    select f.fan_id from fans f
    where f.account_id = $1 and f.fan_id in (
        select fan_id from fan_points where account_id = $1 and fan_point_id = any($2::bigint[]))
    order by f.fan_id for update
"""
# A fan's awards of a category are deleted together or not at all.
UNSPENT = """
    with sums as (
        select fan_id, point_uid, sum(point_count) as point_count, array_agg(fan_point_id) as fan_point_ids
        from fan_points where account_id = $1 and fan_point_id = any($2::bigint[])
        group by fan_id, point_uid
    )
    select unnest(sums.fan_point_ids) as fan_point_id
    from sums
    left join standings s on s.account_id = $1 and s.board = 'point:' || sums.point_uid and s.fan_id = sums.fan_id
    where coalesce(s.total, 0) >= sums.point_count or sums.point_count <= 0
"""
