"""Stored searches when a fan is merged or erased: their sets stay, since a page has only fans who still exist.

Searches for the name of an erased person are deleted.
"""

from datetime import datetime

from fanfare.fans.followers import Person
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import json_path, person_parameters

TABLES = ()


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Change nothing: pages leave out fans who no longer exist."""


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Change nothing: pages leave out fans who no longer exist."""


async def forget_person(db: Db, account_id: int, person: Person, _: datetime) -> None:
    """Delete the searches for a person's name."""
    rows = await db.rows(
        """
        select s.search_uid, fold_text(named.name #>> '{}') as name
        from searches s
        cross join unnest($2::text[]) as place (path)
        cross join lateral jsonb_path_query(s.criteria, place.path::jsonpath) as named (name)
        where s.account_id = $1
        """,
        account_id,
        [json_path(name) for name in person_parameters(Criteria)],
    )
    await db.execute(
        """
        with deleted as (
            delete from searches where account_id = $1 and search_uid = any($2::uuid[]) returning search_uid
        )
        delete from search_chunks c using deleted where c.account_id = $1 and c.search_uid = deleted.search_uid
        """,
        account_id,
        [row["search_uid"] for row in rows if person.is_named_in(row["name"])],
    )
