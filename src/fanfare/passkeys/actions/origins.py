"""Registers the origins at which an account lets fans use passkeys."""

from datetime import datetime

from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.kernel.wire import unix
from fanfare.passkeys.queries import origins
from fanfare.passkeys.schemas.origins import NewOrigin, Origin, host_of
from fanfare.passkeys.topics import PASSKEY_ORIGIN_CREATED, PASSKEY_ORIGIN_DELETED

MAX_ORIGINS = 50


class TooManyOrigins(Conflict):
    """The account has 50 origins; remove one first"""


class OriginTaken(Conflict):
    """The origin is registered already"""


ADD = f"""
    with {HOLD},
    created as (
        insert into passkey_origins (account_id, passkey_origin_id, origin, rp_id, created_at)
        select $1, nextval('positions'), $2, $3, $4 from hold
        on conflict (account_id, origin) do nothing
        returning passkey_origin_id
    ),
    announced as (
        {announce(PASSKEY_ORIGIN_CREATED, "created", position="passkey_origin_id", at="$4")}
    )
    select passkey_origin_id from created
"""  # noqa: S608 - fixed parts
DELETE = announced_deletion(
    PASSKEY_ORIGIN_DELETED,
    "delete from passkey_origins where account_id = $1 and passkey_origin_id = $2",
    returning="passkey_origin_id",
)


async def add_origin(db: Db, account_id: int, new: NewOrigin, now: datetime) -> Origin:
    """Register an origin; refuses (409) one that is registered already, and more than 50."""
    rp_id = new.rp_id or host_of(new.origin) or ""
    async with db.transaction() as tx:
        await tx.execute("select from accounts where account_id = $1 for no key update", account_id)
        # Without that of our own pages, which nobody registered.
        entries = [each for each in await origins(tx, account_id) if each.passkey_origin_id is not None]
        if any(each.origin == new.origin for each in entries):
            raise OriginTaken
        if len(entries) >= MAX_ORIGINS:
            raise TooManyOrigins
        origin_id: int = await tx.value(ADD, account_id, new.origin, rp_id, now)
    return Origin(origin_id, new.origin, rp_id, unix(now))


async def delete_origin(db: Db, account_id: int, origin_id: int, now: datetime) -> None:
    """Let passkeys no longer be used at an origin; refuses (404) an unknown one."""
    if await db.value(DELETE, account_id, origin_id, now) is None:
        raise Unknown(passkey_origin=origin_id)
