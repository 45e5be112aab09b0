"""Snapshots and memberships when fans are merged or erased."""

from datetime import datetime

from fanfare.fans.followers import Person
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import person_parameters
from fanfare.search.topics import FILTER_UPDATED
from fanfare.segments.actions import members, snapshots

TABLES = (*snapshots.TABLES, *members.TABLES)
# Current memberships are updated through the change log.
EXCLUDED = ("segment_members",)
# Replaces an erased person's name in the criteria of filters; no fan has this name.
ERASED = "(erased)"


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the snapshots and the past memberships of one fan to another."""
    await snapshots.move_fan(db, account_id, old_fan_id, fan_id)
    await members.move_fan(db, account_id, old_fan_id, fan_id)


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete a fan from all snapshots, and the fan's past memberships."""
    await snapshots.forget_fan(db, account_id, fan_id)
    await members.forget_fan(db, account_id, fan_id)


FORGET_PERSON = f"""
    with {HOLD},
    updated as (
        update filters f
        set criteria = f.criteria || names.criteria, last_search_count = null, updated_at = $5
        from (
            select each.filter_id, jsonb_object_agg(each.parameter, $4::text) as criteria
            from unnest($2::bigint[], $3::text[]) as each (filter_id, parameter)
            group by each.filter_id) names
        where f.account_id = $1 and f.filter_id = names.filter_id
        returning f.filter_uid
    )
    {announce(FILTER_UPDATED, "updated", at="$5", fields="jsonb_build_array('criteria')")}
"""  # noqa: S608 - fixed parts


async def forget_person(db: Db, account_id: int, person: Person, now: datetime) -> None:
    """Replace a person's name in the criteria of filters by `ERASED`.

    A filter for a name that another fan has too is left unchanged. Other criteria cannot have a person's name.
    """
    person = person.alone()
    rows = await db.rows(
        """
        select f.filter_id, each.parameter, fold_text(f.criteria ->> each.parameter) as name
        from filters f cross join unnest($2::text[]) as each (parameter)
        where f.account_id = $1 and jsonb_typeof(f.criteria -> each.parameter) = 'string'
        """,
        account_id,
        person_parameters(Criteria),
    )
    matches = [row for row in rows if person.is_named_in(row["name"])]
    await db.execute(
        FORGET_PERSON,
        account_id,
        [row["filter_id"] for row in matches],
        [row["parameter"] for row in matches],
        ERASED,
        now,
    )
