"""Reads sessions and their fans."""

import hashlib
import uuid
from datetime import datetime

import msgspec

from fanfare.fans.queries.fans import PROFILE, check_fan, field_texts
from fanfare.kernel.data.db import WRITE_ATTEMPTS, Db, Record
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.errors import Unavailable, Unknown
from fanfare.sessions.schemas.sessions import FanSession, SessionFan

# What an answer leaves out when it is unknown.
OPTIONAL = (
    "name", "first_name", "last_name", "email", "province", "latitude", "longitude", "ip_address", "country_code",
    "city",
)  # fmt: skip


class NoSession(Unknown):
    """The session is unknown or has ended"""


class PresentSession(msgspec.Struct, frozen=True):
    """A session that is valid."""

    session_id: int
    fan_id: int
    login_method: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    authenticated_at: datetime | None


def session_hash(session_uid: uuid.UUID) -> bytes:
    """Return what is stored of a session_uid. It has 122 random bits, so a plain hash cannot be searched."""
    return hashlib.sha256(session_uid.bytes).digest()


SESSION_COLUMNS = "s.session_id, s.fan_id, s.login_method, s.created_at, s.used_at, s.expires_at, s.authenticated_at"
BY_HASH = f"""
    select {SESSION_COLUMNS} from sessions s
    where s.account_id = $1 and s.session_hash = $2 and s.expires_at > $3
"""  # noqa: S608 - fixed parts
FAN_BY_HASH = f"""
    select s.session_id, s.used_at as session_used_at, {PROFILE}, f.image_url
    from sessions s
    join fans f on f.account_id = $1 and f.fan_id = s.fan_id
    where s.account_id = $1 and s.session_hash = $2 and s.expires_at > $3
"""  # noqa: S608 - fixed parts


async def find_session(db: Db, account_id: int, session_uid: uuid.UUID, now: datetime) -> PresentSession | None:
    """Return a session that is valid, if it is."""
    row = await db.row(BY_HASH, account_id, session_hash(session_uid), now)
    return PresentSession(**row) if row else None


async def session(db: Db, account_id: int, session_uid: uuid.UUID, now: datetime) -> PresentSession:
    """Return a session that is valid, or refuse as unknown."""
    present = await find_session(db, account_id, session_uid, now)
    if present is None:
        raise NoSession
    return present


LOCK_FAN = "select from fans where account_id = $1 and fan_id = $2 for no key update"


async def locked_session(db: Db, account_id: int, session_uid: uuid.UUID, now: datetime) -> PresentSession:
    """Return a session that is valid until the transaction ends, with its fan, who is locked; refuses (404) any other.

    Whoever ends the sessions of a fan locks the fan first.
    """
    present = await session(db, account_id, session_uid, now)
    for _ in range(WRITE_ATTEMPTS):
        await db.execute(LOCK_FAN, account_id, present.fan_id)
        # Read once more: meanwhile it may have ended, or its fan become another.
        again = await session(db, account_id, session_uid, now)
        if again.fan_id == present.fan_id:
            return again
        present = again
    raise Unavailable


async def fan_id_of(db: Db, account_id: int, session_uid: uuid.UUID) -> int | None:
    """Return whose a session is or was, as long as that is stored."""
    fan_id: int | None = await db.value(
        "select fan_id from sessions where account_id = $1 and session_hash = $2", account_id, session_hash(session_uid)
    )
    return fan_id


async def fan_of(db: Db, account_id: int, session_uid: uuid.UUID, now: datetime) -> Record:
    """Return the row of a session and its fan, in one statement, or refuse as unknown."""
    row = await db.row(FAN_BY_HASH, account_id, session_hash(session_uid), now)
    if row is None:
        raise NoSession
    return row


def session_fan(row: Record) -> SessionFan:
    """Return the fan as the fan's own site sees it."""
    values = dict(row)
    field_values = values.pop("field_values") or {}
    for name in OPTIONAL:
        if values[name] is None:
            del values[name]
    del values["session_id"], values["session_used_at"]
    values["fields"] = field_texts(field_values)
    return SessionFan(**values)


async def fan_sessions(db: Db, account_id: int, fan_id: int, now: datetime) -> list[FanSession]:
    """Return the valid sessions of a fan, the newest first; refuses an unknown fan."""
    await check_fan(db, account_id, fan_id)
    rows = await db.rows(
        """
        select session_id, fan_id, login_method, business_id, page_tab_id, ip_address, device_id, device_network,
               floor(extract(epoch from created_at))::bigint as creation_timestamp,
               floor(extract(epoch from used_at))::bigint as use_timestamp,
               floor(extract(epoch from expires_at))::bigint as expiration_timestamp
        from sessions where account_id = $1 and fan_id = $2 and expires_at > $3
        order by session_id desc
        """,
        account_id,
        fan_id,
        now,
    )
    return read_rows(FanSession, rows)
