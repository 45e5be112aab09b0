"""Reads which fan has which external identity."""

from fanfare.fans.queries.fans import check_fan
from fanfare.identities.schemas.identities import FanIdentity, Identity
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.rows import read_rows


async def links(db: Db, account_id: int, fan_id: int) -> list[FanIdentity]:
    """Return the external identities of a fan, the oldest first; refuses (404) an unknown fan."""
    await check_fan(db, account_id, fan_id)
    rows = await db.rows(
        """
        select identity_id, fan_id, issuer, subject,
               floor(extract(epoch from created_at))::bigint as creation_timestamp,
               floor(extract(epoch from used_at))::bigint as use_timestamp
        from fan_identities where account_id = $1 and fan_id = $2 order by identity_id
        """,
        account_id,
        fan_id,
    )
    return read_rows(FanIdentity, rows)


LOCK_LINKED = """
    select f.fan_id from fan_identities i join fans f on f.account_id = $1 and f.fan_id = i.fan_id
    where i.account_id = $1 and i.issuer = $2 and i.subject = $3
    for no key update of f
"""


async def locked_linked_fan(db: Db, account_id: int, identity: Identity) -> int | None:
    """Return the fan who has an identity, if any, locked until the transaction ends: the identity stays until then."""
    await db.execute(LOCK_LINKED, account_id, identity.issuer, identity.subject)
    return await linked_fan(db, account_id, identity)


async def linked_fan(db: Db, account_id: int, identity: Identity) -> int | None:
    """Return the fan who has an identity, if any."""
    fan_id: int | None = await db.value(
        "select fan_id from fan_identities where account_id = $1 and issuer = $2 and subject = $3",
        account_id,
        identity.issuer,
        identity.subject,
    )
    return fan_id
