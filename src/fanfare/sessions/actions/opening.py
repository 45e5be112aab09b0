"""Begins sessions and ends them, and notes that one is used."""

import uuid
from datetime import datetime

import msgspec

from fanfare.fans import followers
from fanfare.fans.actions.merging import merge_fans
from fanfare.fans.actions.nameless import is_nameless
from fanfare.fans.queries.fans import check_fan
from fanfare.fans.schemas.merges import MergeOther
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import unix
from fanfare.points.queries import points
from fanfare.points.schemas.points import Balance
from fanfare.sessions.actions.lifetimes import lifetimes
from fanfare.sessions.queries import sessions as queries
from fanfare.sessions.queries.sessions import NoSession, PresentSession, session_hash
from fanfare.sessions.schemas.connect import GUEST, Session
from fanfare.sessions.schemas.sessions import SessionFan
from fanfare.sessions.topics import SESSION_CREATED, SESSION_DELETED

SOURCE = "sessions_connect"
# Sessions of one fan; the oldest gives way.
MAX_SESSIONS = 100


class Visit(msgspec.Struct, frozen=True):
    """How and from where somebody comes, and for what."""

    business_id: int | None
    page_tab_id: int | None
    ip_address: str | None
    device_id: str | None
    device_network: str | None
    # the session that the device has so far
    session_uid: uuid.UUID | None
    # when it was proved who comes, if that is known
    authenticated_at: datetime | None
    # the passkey that opens the session
    passkey_id: int | None = None


OPEN = Sql(f"""
    with {HOLD},
    created as (
        insert into sessions (account_id, session_id, session_hash, fan_id, login_method, business_id, page_tab_id,
                              ip_address, device_id, device_network, authenticated_at, passkey_id, created_at, used_at,
                              expires_at)
        select $1, nextval('positions'), :session_hash, :fan_id, :login_method, :business_id, :page_tab_id,
               :ip_address, :device_id, :device_network, :authenticated_at, :passkey_id, :now, :now, :expires_at
        from hold
        returning session_id, fan_id, login_method
    ),
    announced as (
        {announce(SESSION_CREATED, "created", position="session_id", at=":now", network="login_method")}
    )
    select f.props from created join fans f on f.account_id = $1 and f.fan_id = created.fan_id
""")  # noqa: S608 - fixed parts


async def open_session(db: Db, account_id: int, fan_id: int, visit: Visit, now: datetime, *, method: str) -> Session:
    """Begin a session of a fan; part of the caller's transaction.

    The device's session so far ends, as do the oldest beyond a hundred. If it was a guest's, what the guest did goes to
    the fan.
    """
    if visit.session_uid is not None:
        await _rotate(db, account_id, fan_id, visit.session_uid, now)
    session_uid, expires_at = uuid.uuid4(), lifetimes.end(now, now)
    places = {name: getattr(visit, name) for name in Visit.__struct_fields__ if name != "session_uid"}
    props = await db.value(
        OPEN,
        account_id,
        session_hash=session_hash(session_uid),
        fan_id=fan_id,
        login_method=method,
        **places,
        now=now,
        expires_at=expires_at,
    )
    await db.execute(END_OLDEST, account_id, now, fan_id, MAX_SESSIONS)
    return Session(
        session_uid=session_uid,
        fan_id=fan_id,
        account_id=account_id,
        props=props,
        expiration_timestamp=unix(expires_at),
    )


async def guest_of(db: Db, account_id: int, session_uid: uuid.UUID | None, now: datetime) -> int | None:
    """Return the fan of a guest's session of whom nothing is known yet, who stays so until the transaction ends."""
    present = await queries.find_session(db, account_id, session_uid, now) if session_uid else None
    if present is None or present.login_method != GUEST:
        return None
    return present.fan_id if await is_nameless(db, account_id, present.fan_id) else None


async def _rotate(db: Db, account_id: int, fan_id: int, session_uid: uuid.UUID, now: datetime) -> None:
    guest_id = await guest_of(db, account_id, session_uid, now)
    if guest_id is not None and guest_id != fan_id:
        await merge_fans(db, account_id, MergeOther(fan_id=fan_id, merged_fan_id=guest_id), now, source=SOURCE)
    await db.execute(END_BY_HASH, account_id, now, session_hash(session_uid))


# The row stays until the job that deletes sessions has decided whether a guest goes with it. It is expired since it
# began, so that calls that came earlier find it ended too.
ENDING = f"""
    with {HOLD},
    ended as (
        update sessions set expires_at = created_at
        where account_id = $1 and expires_at > $2 and {{condition}}
        returning session_id, fan_id
    ),
    announced as (
        {announce(SESSION_DELETED, "ended", at="$2")}
    )
    select count(*) from ended
"""  # noqa: S608 - fixed parts
END_BY_HASH = ENDING.format(condition="session_hash = $3")
END_BY_ID = ENDING.format(condition="session_id = $3")
END_OF_FAN = ENDING.format(condition="fan_id = $3 and session_id is distinct from $4::bigint")
END_OF_PASSKEY = ENDING.format(condition="passkey_id = $3 and session_id is distinct from $4::bigint")
END_OLDEST = ENDING.format(
    condition="""fan_id = $3 and session_id <= (
        select session_id from sessions where account_id = $1 and fan_id = $3 and expires_at > $2
        order by session_id desc offset $4 limit 1)"""
)


async def end_session(db: Db, account_id: int, session_uid: uuid.UUID, now: datetime) -> None:
    """End a session by what its holder was told; refuses (404) one that has ended."""
    if not await db.value(END_BY_HASH, account_id, now, session_hash(session_uid)):
        raise NoSession


async def end_session_by_id(db: Db, account_id: int, session_id: int, now: datetime) -> None:
    """End a session by its number; refuses (404) one that has ended."""
    if not await db.value(END_BY_ID, account_id, now, session_id):
        raise Unknown(session=session_id)


async def end_fan_sessions(db: Db, account_id: int, fan_id: int, now: datetime) -> int:
    """End all sessions of a fan and return how many there were; refuses (404) an unknown fan.

    Whatever else lets the fan in, in a higher domain, ends as well.
    """
    await check_fan(db, account_id, fan_id)
    async with db.transaction() as tx:
        count = await end_sessions(tx, account_id, fan_id, now)
        await followers.end_logins(tx, account_id, fan_id, now, None)
    return count


async def end_sessions(db: Db, account_id: int, fan_id: int, now: datetime, session_id: int | None = None) -> int:
    """End all sessions of a fan but one, and return how many there were."""
    count: int = await db.value(END_OF_FAN, account_id, now, fan_id, session_id)
    return count


async def end_sessions_of_passkey(
    db: Db, account_id: int, passkey_id: int, now: datetime, session_id: int | None
) -> None:
    """End the sessions that a passkey opened, but one."""
    await db.execute(END_OF_PASSKEY, account_id, now, passkey_id, session_id)


async def session_fan(db: Db, account_id: int, session_uid: uuid.UUID, now: datetime) -> SessionFan:
    """Return the fan of a session that is valid, and note that it is used; refuses (404) any other."""
    row = await queries.fan_of(db, account_id, session_uid, now)
    await note_use(db, account_id, row["session_id"], row["session_used_at"], now)
    return queries.session_fan(row)


async def used_session(db: Db, account_id: int, session_uid: uuid.UUID, now: datetime) -> PresentSession:
    """Return a session that is valid, and note that it is used; refuses (404) any other."""
    present = await queries.session(db, account_id, session_uid, now)
    expires_at = await note_use(db, account_id, present.session_id, present.used_at, now)
    return msgspec.structs.replace(present, expires_at=expires_at) if expires_at else present


async def shown_session(db: Db, account_id: int, session_uid: uuid.UUID, now: datetime) -> Session:
    """Return a session that is valid, as its holder sees it; refuses (404) any other."""
    present = await used_session(db, account_id, session_uid, now)
    props = await db.value("select props from fans where account_id = $1 and fan_id = $2", account_id, present.fan_id)
    return Session(
        session_uid=session_uid,
        fan_id=present.fan_id,
        account_id=account_id,
        props=props or {},
        expiration_timestamp=unix(present.expires_at),
    )


async def balances(db: Db, account_id: int, session_uid: uuid.UUID, now: datetime) -> list[Balance]:
    """Return the point balances of the fan of a session, and note that it is used; refuses (404) any other."""
    present = await used_session(db, account_id, session_uid, now)
    return await points.balances(db, account_id, present.fan_id)


async def note_use(db: Db, account_id: int, session_id: int, used_at: datetime, now: datetime) -> datetime | None:
    """Let a session last from now on again, and return until when; None when that was done only just before."""
    if now - used_at < lifetimes.step:
        return None
    expires_at: datetime | None = await db.value(
        "update sessions set used_at = $3, expires_at = least(created_at + $4::interval, $3 + $5::interval)"
        " where account_id = $1 and session_id = $2 and used_at < $3 and expires_at > $3 returning expires_at",
        account_id,
        session_id,
        now,
        lifetimes.total,
        lifetimes.idle,
    )
    return expires_at
