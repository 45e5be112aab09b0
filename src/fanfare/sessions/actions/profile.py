"""What fans change of themselves: the profile, free values, custom fields and tags."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fanfare.fans.actions.fans import Change, MailTaken, PhoneTaken, prepare_change, write_change
from fanfare.fans.actions.props import read_props, write_props
from fanfare.fans.actions.references import references as fan_references
from fanfare.fans.actions.tags import change_tag
from fanfare.fans.schemas.attributes import TagChange
from fanfare.fans.schemas.fans import FanChanges
from fanfare.kernel.addresses import subscriber
from fanfare.kernel.callers import Account, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.sessions.actions.budgets import CHECKS, RESERVED_SECONDS, Attempt, count, give_back
from fanfare.sessions.actions.opening import used_session
from fanfare.sessions.queries import sessions as queries
from fanfare.sessions.schemas.profile import Profile, props_faults

SOURCE = "sessions_fan_update"
FIELDS = (
    "first_name", "last_name", "email", "password", "is_subscribed", "is_phone_subscribed", "phone", "birth_date",
    "fields",
)  # fmt: skip


async def change_profile(db: Db, account: Account, caller: Caller, profile: Profile, now: datetime) -> int:
    """Update the fan of a session and return the fan's id.

    Refuses (404) a session that has ended, and (409) an address or number that another fan has; that tells who is a
    fan, and so it is counted as an existence check.
    """
    present = await used_session(db, account.id, profile.session_uid, now)
    fields = {name: getattr(profile, name) for name in FIELDS}
    if caller.has_secret and profile.ip_address:
        fields["ip_address"] = profile.ip_address
    changes = FanChanges(fan_id=present.fan_id, **fields)
    is_check = any(getattr(profile, name) for name in ("email", "phone")) and not caller.is_server
    attempts = [Attempt(CHECKS, subscriber(caller.address))] if is_check else []
    receipts = await count(db, account.id, attempts, now, max_wait=RESERVED_SECONDS)
    try:
        change = await prepare_change(db, account, changes, SOURCE)

        async def write(outer: Db) -> int:
            async with outer.transaction() as tx:
                return await _write(tx, account, profile, change, now)

        return await db.retry_conflicts(write)
    except (MailTaken, PhoneTaken):
        receipts = []
        raise
    finally:
        await give_back(db, account.id, receipts)


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong with a change that only the account's own rows can tell."""
    fields = {name: values.get(name) for name in ("fields", "phone")}
    session_uid = values.get("session_uid")
    fan_id = await queries.fan_id_of(db, account.id, session_uid) if session_uid else None
    return await fan_references(db, account, fields if fan_id is None else {**fields, "fan_id": fan_id})


async def _write(db: Db, account: Account, profile: Profile, change: Change, now: datetime) -> int:
    present = await queries.locked_session(db, account.id, profile.session_uid, now)
    change.request.fan_id = present.fan_id
    fan_id = await write_change(db, account, change, now, session_id=present.session_id)
    await _change_props(db, account.id, fan_id, profile.props or {}, now)
    for name, is_added in (profile.tags or {}).items():
        await _change_tag(db, account.id, fan_id, name, now, is_added=is_added)
    return fan_id


async def _change_props(db: Db, account_id: int, fan_id: int, changes: Mapping[str, Any], now: datetime) -> None:
    if not changes:
        return
    props = {**await read_props(db, account_id, fan_id), **changes}
    props = {name: value for name, value in props.items() if value is not None}
    if faults := list(props_faults(props)):
        raise BadParameters(faults)
    await write_props(db, account_id, fan_id, props, now)


async def _change_tag(db: Db, account_id: int, fan_id: int, name: str, now: datetime, *, is_added: bool | None) -> None:
    if is_added is None:
        return
    change = TagChange(tag_name=name.strip(), action="add" if is_added else "delete", fan_ids=[fan_id])
    try:
        await change_tag(db, account_id, change, now)
    except Unknown:
        # A tag that is not there need not be taken away.
        if is_added:
            raise
