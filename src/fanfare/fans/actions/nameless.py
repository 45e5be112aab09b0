"""Fans of whom nothing is known yet: guests of a site, and who is about to say who it is."""

from datetime import datetime

from fanfare.fans.topics import FAN_CREATED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db

CREATE = f"""
    with {HOLD},
    created as (
        insert into fans (account_id, position, created_at, updated_at, ip_address, fan_source)
        select $1, nextval('positions'), $2::timestamptz, $2, $3, $4 from hold
        returning fan_id, position
    ),
    announced as (
        {announce(FAN_CREATED, "created", position="position", at="$2")}
    )
    select fan_id from created
"""  # noqa: S608 - fixed parts


async def create_nameless(db: Db, account_id: int, now: datetime, *, source: str, address: str | None) -> int:
    """Make a fan without address, number or name, and return the fan's id; `source` is kept as fan_source."""
    fan_id: int = await db.value(CREATE, account_id, now, address, source)
    return fan_id


async def is_nameless(db: Db, account_id: int, fan_id: int) -> bool:
    """Return whether nobody can recognise a fan, nor the fan log in; the fan stays so until the transaction ends."""
    exists = await db.value(
        """
        select true from fans f
        where f.account_id = $1 and f.fan_id = $2 and f.email is null and f.phone is null and f.password_hash is null
          and not exists (select from fan_identifiers i where i.account_id = $1 and i.fan_id = f.fan_id)
        for no key update
        """,
        account_id,
        fan_id,
    )
    return bool(exists)
