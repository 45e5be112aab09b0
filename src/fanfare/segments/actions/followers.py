"""What segments keep of a fan, when two fans become one and when one is forgotten."""

import re
from collections.abc import Sequence

import msgspec

from fanfare.kernel.db import Db
from fanfare.segments.actions import members, snapshots

TABLES = (*snapshots.TABLES, *members.TABLES)
# Present memberships follow from the change log.
APART = ("segment_members",)


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Put one fan on the lists that another is on, with where it was a member before."""
    await snapshots.move_fan(db, account_id, old_fan_id, fan_id)
    await members.move_fan(db, account_id, old_fan_id, fan_id)


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Take a fan off every list, and delete where it was a member before."""
    await snapshots.forget_fan(db, account_id, fan_id)
    await members.forget_fan(db, account_id, fan_id)


async def forget_words(db: Db, account_id: int, words: Sequence[str]) -> None:
    """Delete searches that name a fan, and let filters name nobody in the fan's place."""
    asked = "(" + "|".join(re.escape(msgspec.json.encode(word).decode()[1:-1]) for word in words) + ")"
    if not words:
        return
    await db.execute(
        """
        with gone as (
            delete from searches where account_id = $1 and criteria::text ~* $2 returning search_uid
        ),
        unread as (
            delete from search_chunks c using gone where c.account_id = $1 and c.search_uid = gone.search_uid
        )
        update filters set criteria = regexp_replace(criteria::text, $2, 'erased', 'gi')::jsonb
        where account_id = $1 and criteria::text ~* $2
        """,
        account_id,
        asked,
    )
