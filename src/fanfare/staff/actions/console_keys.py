"""Keys of the API console: of one person, for minutes, with no more than the role allows."""

import uuid
from datetime import datetime, timedelta

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.keys import hash_secret, new_secret
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Conflict
from fanfare.staff.queries.people import rights_and_limit
from fanfare.staff.schemas.members import Member
from fanfare.staff.schemas.roles import reading_scopes_of, scopes_of

LIFETIME = timedelta(minutes=15)
# Calls a minute, and keys of a session in an account at a time (one for each tab that sends calls).
RATE, MAX_KEYS = 600, 10

# A switch to reading ends the keys that write, and the other way round.
END_EARLIER = """
    delete from api_keys k
    where k.account_id = $1 and k.session_id = $2
      and (k.is_read_only <> $3 or k.expires_at <= $4
           or k.api_key not in (select n.api_key from api_keys n where n.account_id = $1 and n.session_id = $2
                                order by n.created_at desc, n.api_key limit $5))
"""
INSERT = Sql("""
    with new_keys as (
        insert into api_keys (account_id, api_key, key_name, scopes, rate_limit, created_at, is_read_only, expires_at,
                              staff_id, session_id)
        select $1, :api_key, :key_name, :scopes, :rate_limit, :now, :is_read_only, :end, s.staff_id, s.session_id
        from staff_sessions s where s.session_id = :session_id and s.staff_id = :staff_id
        returning account_id, api_key, created_at, expires_at
    )
    insert into api_secrets (account_id, api_key, secret_hash, secret_prefix, created_at, expires_at)
    select account_id, api_key, :secret_hash, 'console', created_at, expires_at from new_keys
""")


class ConsoleKey(msgspec.Struct):
    """The secret of a new key, what it may call, and how many seconds it works."""

    key_secret: str
    scopes: list[str]
    is_read_only: bool
    second_count: int


class NoConsoleKey(Conflict):
    """Your role has no calls of this kind, or is limited to businesses, which keys are not"""


async def create_console_key(db: Db, member: Member, now: datetime, *, is_read_only: bool) -> ConsoleKey:
    """Make a key of a person's session. NoConsoleKey (409) without a scope that the role allows.

    The rights are those of this moment: their change waits, and then ends the key.
    """
    account_id, session_id = member.account.id, member.session.session_id
    async with db.transaction() as tx:
        rights, is_limited = await rights_and_limit(tx, account_id, member.person.staff_id)
        scopes = sorted(reading_scopes_of(rights) if is_read_only else scopes_of(rights))
        if is_limited or not scopes:
            raise NoConsoleKey
        await tx.execute(END_EARLIER, account_id, session_id, is_read_only, now, MAX_KEYS - 1)
        secret, name = new_secret(), f"API console: {member.person.email}"
        await tx.execute(
            INSERT, account_id, api_key=uuid.uuid4(), key_name=name, scopes=scopes, rate_limit=RATE, now=now,
            is_read_only=is_read_only, end=now + LIFETIME, session_id=session_id, staff_id=member.person.staff_id,
            secret_hash=hash_secret(secret),
        )  # fmt: skip
    return ConsoleKey(secret, scopes, is_read_only, int(LIFETIME.total_seconds()))


async def end_console_keys(db: Db, account_id: int, staff_id: int) -> None:
    """End the keys of a person whose rights have changed."""
    await db.execute("delete from api_keys where account_id = $1 and staff_id = $2", account_id, staff_id)


async def forget_console_keys(db: Db, account_id: int, now: datetime) -> None:
    """Delete the keys of an account that have ended."""
    await db.execute(
        "delete from api_keys where account_id = $1 and session_id is not null and expires_at <= $2", account_id, now
    )
