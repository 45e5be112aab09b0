"""Snapshots and memberships when fans are merged or erased."""

from datetime import datetime
from typing import Any

from fanfare.fans.followers import Person
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.folding import fold
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import json_path, person_parameters
from fanfare.search.topics import FILTER_UPDATED
from fanfare.segments.actions import members, snapshots

TABLES = (*snapshots.TABLES, *members.TABLES)
# Current memberships are updated through the change log.
EXCLUDED = ("segment_members",)
# Replaces an erased person's name in the criteria of filters; no fan has this name.
ERASED = "(erased)"
NAMES = person_parameters(Criteria)


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
        set criteria = changed.criteria, last_search_count = null, updated_at = $3
        from jsonb_to_recordset($2::jsonb) as changed (filter_id bigint, criteria jsonb)
        where f.account_id = $1 and f.filter_id = changed.filter_id
        returning f.filter_uid
    )
    {announce(FILTER_UPDATED, "updated", at="$3", fields="jsonb_build_array('criteria')")}
"""  # noqa: S608 - fixed parts


async def forget_person(db: Db, account_id: int, person: Person, now: datetime) -> None:
    """Replace a person's name in the criteria of filters by `ERASED`.

    A filter for a name that another fan has too is left unchanged. Other criteria cannot have a person's name.
    """
    person = person.alone()
    rows = await db.rows(
        """
        select f.filter_id, f.criteria from filters f
        where f.account_id = $1
          and exists (select from unnest($2::text[]) as place (path)
                      where jsonb_path_exists(f.criteria, place.path::jsonpath))
        order by f.filter_id for update
        """,
        account_id,
        [json_path(name) for name in NAMES],
    )
    pairs = [(row, without_person(row["criteria"], person)) for row in rows]
    changes = [{"filter_id": row["filter_id"], "criteria": new} for row, new in pairs if new != row["criteria"]]
    if changes:
        await db.execute(FORGET_PERSON, account_id, changes, now)


def without_person(raw: Any, person: Person) -> Any:  # noqa: ANN401 - stored JSON
    """Return stored criteria, or a part of them, with a person's name replaced; `person` is `alone`."""
    if isinstance(raw, list):
        return [without_person(each, person) for each in raw]
    if not isinstance(raw, dict):
        return raw
    return {name: _without_name(name, value, person) for name, value in raw.items()}


def _without_name(parameter: str, value: Any, person: Person) -> Any:  # noqa: ANN401 - stored JSON
    is_name = parameter in NAMES and isinstance(value, str) and person.is_named_in(fold(value))
    return ERASED if is_name else without_person(value, person)
