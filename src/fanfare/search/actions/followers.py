"""What searches keep when a fan is merged or forgotten: their sets, since a page shows only who is still there.

What they ask for may be a person's name.
"""

from datetime import datetime

from fanfare.fans.followers import Person
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import persons

TABLES = ()


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Keep the sets of running searches: the fan who is gone drops out of their pages."""


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Keep the sets of running searches: the fan who is gone drops out of their pages."""


async def forget_person(db: Db, account_id: int, person: Person, _: datetime) -> None:
    """Delete searches for a person's name."""
    searched = await db.rows(
        """
        select s.search_uid, fold_text(s.criteria ->> each.parameter) as name
        from searches s cross join unnest($2::text[]) as each (parameter)
        where s.account_id = $1 and s.criteria ? each.parameter
        """,
        account_id,
        persons(Criteria),
    )
    await db.execute(
        """
        with gone as (
            delete from searches where account_id = $1 and search_uid = any($2::uuid[]) returning search_uid
        )
        delete from search_chunks c using gone where c.account_id = $1 and c.search_uid = gone.search_uid
        """,
        account_id,
        [row["search_uid"] for row in searched if person.is_named_in(row["name"])],
    )
