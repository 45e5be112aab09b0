"""Links external identities to fans, and uses tokens up."""

from datetime import datetime

from fanfare.fans.queries.fans import check_fan
from fanfare.identities.schemas.identities import Identity
from fanfare.identities.topics import IDENTITY_CREATED, IDENTITY_DELETED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown

LINK = f"""
    with {HOLD},
    linked as (
        insert into fan_identities (account_id, identity_id, issuer, subject, fan_id, created_at, used_at)
        select $1, nextval('positions'), $2, $3, $4, $5, $5 from hold
        returning identity_id, fan_id
    ),
    logged as (
        {announce(IDENTITY_CREATED, "linked", position="identity_id", at="$5")}
    )
    select identity_id from linked
"""  # noqa: S608 - fixed parts


async def link(db: Db, account_id: int, identity: Identity, fan_id: int, now: datetime) -> None:
    """Give an identity that nobody has to a fan; part of the caller's transaction.

    A unique violation means that somebody else linked it meanwhile.
    """
    await db.value(LINK, account_id, identity.issuer, identity.subject, fan_id, now)


async def note_use(db: Db, account_id: int, identity: Identity, now: datetime) -> None:
    """Note that a fan logged in with an identity."""
    await db.execute(
        "update fan_identities set used_at = $4 where account_id = $1 and issuer = $2 and subject = $3",
        account_id,
        identity.issuer,
        identity.subject,
        now,
    )


async def use_token(db: Db, account_id: int, identity: Identity) -> bool:
    """Use up the token that says who somebody is; return whether it was not used before."""
    is_first = await db.value(
        "insert into used_tokens (account_id, token_hash, expires_at) values ($1, $2, $3)"
        " on conflict (account_id, token_hash) do nothing returning true",
        account_id,
        identity.token_hash,
        identity.expires_at,
    )
    return bool(is_first)


async def forget_tokens(db: Db, account_id: int, now: datetime) -> None:
    """Delete the hashes of tokens that have expired."""
    await db.execute("delete from used_tokens where account_id = $1 and expires_at <= $2", account_id, now)


UNLINK = f"""
    with {HOLD},
    unlinked as (
        delete from fan_identities where account_id = $1 and fan_id = $2 and {{condition}}
        returning identity_id, fan_id
    ),
    logged as (
        {announce(IDENTITY_DELETED, "unlinked", at="$3")}
    )
    select identity_id from unlinked
"""  # noqa: S608 - fixed parts
UNLINK_ONE = UNLINK.format(condition="identity_id = $4")
UNLINK_ALL = UNLINK.format(condition="true")


async def unlink(db: Db, account_id: int, fan_id: int, identity_id: int, now: datetime) -> None:
    """Take an identity from a fan, who cannot log in with it any more; refuses (404) one that the fan does not have.

    Sessions go on.
    """
    await check_fan(db, account_id, fan_id)
    if await db.value(UNLINK_ONE, account_id, fan_id, now, identity_id) is None:
        raise Unknown(identity=identity_id)


async def unlink_all(db: Db, account_id: int, fan_id: int, now: datetime) -> None:
    """Take all identities from a fan; part of the caller's transaction."""
    await db.execute(UNLINK_ALL, account_id, fan_id, now)
