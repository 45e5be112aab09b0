"""What segments keep of a fan, when two fans become one and when one is forgotten."""

from datetime import datetime

from fanfare.fans.followers import Person
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import persons
from fanfare.search.topics import FILTER_UPDATED
from fanfare.segments.actions import members, snapshots

TABLES = (*snapshots.TABLES, *members.TABLES)
# Present memberships follow from the change log.
EXCLUDED = ("segment_members",)
# What a filter asks for in the place of an erased person's name; nobody is called so.
ERASED = "(erased)"


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Put one fan on the lists that another is on, with where it was a member before."""
    await snapshots.move_fan(db, account_id, old_fan_id, fan_id)
    await members.move_fan(db, account_id, old_fan_id, fan_id)


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Take a fan off every list, and delete where it was a member before."""
    await snapshots.forget_fan(db, account_id, fan_id)
    await members.forget_fan(db, account_id, fan_id)


FORGET_PERSON = f"""
    with {HOLD},
    made as (
        update filters f
        set criteria = f.criteria || naming.replaced, last_search_count = null, updated_at = $5
        from (
            select each.filter_id, jsonb_object_agg(each.parameter, $4::text) as replaced
            from unnest($2::bigint[], $3::text[]) as each (filter_id, parameter)
            group by each.filter_id) naming
        where f.account_id = $1 and f.filter_id = naming.filter_id
        returning f.filter_uid
    )
    {announce(FILTER_UPDATED, "made", at="$5", fields="jsonb_build_array('criteria')")}
"""  # noqa: S608 - fixed parts


async def forget_person(db: Db, account_id: int, person: Person, now: datetime) -> None:
    """Let the filters that ask for a person's name ask for nobody's.

    A filter for what another fan is called too is that fan's, and stays.
    Nothing else that criteria say is somebody's name: they are compared with their values, not with their text.
    """
    person = person.alone()
    rows = await db.rows(
        """
        select f.filter_id, each.parameter, fold_text(f.criteria ->> each.parameter) as name
        from filters f cross join unnest($2::text[]) as each (parameter)
        where f.account_id = $1 and jsonb_typeof(f.criteria -> each.parameter) = 'string'
        """,
        account_id,
        persons(Criteria),
    )
    filter_ids = [row for row in rows if person.is_named_in(row["name"])]
    await db.execute(
        FORGET_PERSON,
        account_id,
        [row["filter_id"] for row in filter_ids],
        [row["parameter"] for row in filter_ids],
        ERASED,
        now,
    )
