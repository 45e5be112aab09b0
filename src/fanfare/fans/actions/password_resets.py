"""One-time ids with which a fan sets a new password within an hour; any new password ends them."""

import hashlib
import uuid
from datetime import datetime, timedelta

import msgspec

from fanfare.kernel.data.db import Db

LIFETIME = timedelta(hours=1)


class PasswordReset(msgspec.Struct, frozen=True):
    """Whose password can be set, what the link was sent to if we sent it, and the page that follows if there is one."""

    fan_id: int
    identity: tuple[str, str] | None = None
    next_path: str | None = None


def _hash(reset_uid: uuid.UUID) -> bytes:
    # With 122 random bits a plain hash cannot be searched.
    return hashlib.sha256(reset_uid.bytes).digest()


async def new_reset(db: Db, account_id: int, reset: PasswordReset, now: datetime) -> uuid.UUID:
    """Return a new id, which is stored as a hash alone; part of the caller's transaction."""
    reset_uid = uuid.uuid4()
    network, value = reset.identity or (None, None)
    await db.execute(
        """
        insert into password_resets (account_id, reset_hash, fan_id, network, identifier_value, next_path, created_at,
                                     expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        account_id,
        _hash(reset_uid),
        reset.fan_id,
        network,
        value,
        reset.next_path,
        now,
        now + LIFETIME,
    )
    return reset_uid


# What we sent to an address or number counts as long as that is the fan's.
VALID = """
    reset_hash = $2 and expires_at > $3 and (network is null or exists (
        select from fan_identifiers i
        where i.account_id = $1 and i.network = r.network and i.identifier_value = r.identifier_value
          and i.fan_id = r.fan_id))
"""
FIND = f"select fan_id, network, identifier_value, next_path from password_resets r where account_id = $1 and {VALID}"  # noqa: S608 - fixed parts
USE = f"delete from password_resets r where account_id = $1 and {VALID} returning fan_id"  # noqa: S608 - fixed parts


async def find_reset(db: Db, account_id: int, reset_uid: uuid.UUID, now: datetime) -> PasswordReset | None:
    """Return what an id is for, if it is valid."""
    row = await db.row(FIND, account_id, _hash(reset_uid), now)
    if row is None:
        return None
    identity = (row["network"], row["identifier_value"]) if row["network"] else None
    return PasswordReset(row["fan_id"], identity, row["next_path"])


async def use_reset(db: Db, account_id: int, reset_uid: uuid.UUID, now: datetime) -> bool:
    """Use an id up and return whether it was valid; part of the transaction that sets the password."""
    return await db.value(USE, account_id, _hash(reset_uid), now) is not None


async def end_resets(db: Db, account_id: int, fan_id: int) -> None:
    """Delete the ids of a fan, who has a new password."""
    await db.execute("delete from password_resets where account_id = $1 and fan_id = $2", account_id, fan_id)


async def forget_resets(db: Db, account_id: int, now: datetime) -> None:
    """Delete ids that have expired."""
    await db.execute("delete from password_resets where account_id = $1 and expires_at <= $2", account_id, now)
