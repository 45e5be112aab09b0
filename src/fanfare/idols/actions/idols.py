"""Creates, updates and deletes idols and their events."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from fanfare.idols.schemas import IdolChanges, IdolEventChanges, NewIdol, NewIdolEvent
from fanfare.idols.topics import (
    IDOL_CREATED,
    IDOL_DELETED,
    IDOL_EVENT_CREATED,
    IDOL_EVENT_DELETED,
    IDOL_EVENT_UPDATED,
    IDOL_UPDATED,
)
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.references import Reference, check_unused, hold
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.places.provinces import venue_province


class IdolNameTaken(Conflict):
    """Another idol of the account has this name"""


IDOL = Columns(IdolChanges, key=("idol_uid",), other_tables=("label_names",))
NEW_IDOL = Columns(NewIdol, other_tables=("label_names",))
CREATE_IDOL = f"""
    with {HOLD},
    saved as (
        insert into idols (account_id, idol_uid, created_at, updated_at, {NEW_IDOL})
        select $1, $2, $5, $5, {NEW_IDOL} from jsonb_populate_record(null::idols, $3)
        returning account_id, idol_uid
    ),
    insert_labels as (
        insert into idol_labels (account_id, idol_uid, label_name)
        select distinct saved.account_id, saved.idol_uid, label from saved cross join unnest($4::text[]) as label
    )
    {announce(IDOL_CREATED, "saved", at="$5")}
"""  # noqa: S608 - fixed parts


async def create_idol(db: Db, account_id: int, new: NewIdol, now: datetime) -> uuid.UUID:
    """Create an idol with its labels and return its uid; IdolNameTaken (409) if the name exists."""
    idol_uid = uuid.uuid4()
    fields = msgspec.structs.asdict(new)
    fields["idol_type"] = new.idol_type or ("artist" if new.spotify_uid else "other")
    labels = new.label_names or []
    try:
        await db.execute(CREATE_IDOL, account_id, idol_uid, NEW_IDOL.record(fields), labels, now)
    except asyncpg.UniqueViolationError:
        raise IdolNameTaken from None
    return idol_uid


async def change_idol(db: Db, account_id: int, changes: IdolChanges, now: datetime) -> uuid.UUID:
    """Update the fields sent of an idol and return its uid.

    Unknown (404); Conflict (409) if the new name is taken, or stored criteria refer to the old one.
    """
    async with db.transaction() as tx:
        fields = IDOL.sent_fields(changes)
        if "idol_name" in fields:
            await _check_removed_name(tx, account_id, changes.idol_uid, fields["idol_name"])
        return await _change(tx, account_id, changes.idol_uid, fields, now)


async def _check_removed_name(db: Db, account_id: int, idol_uid: uuid.UUID, new_name: str | None = None) -> None:
    """Raise Conflict (409) if stored criteria refer to the idol's name, unless `new_name` is the same when folded."""
    await hold(db, account_id)
    name = await db.value(
        """
        select idol_name from idols
        where account_id = $1 and idol_uid = $2 and fold_text(idol_name) is distinct from fold_text($3)
        """,
        account_id,
        idol_uid,
        new_name,
    )
    if name is not None:
        await check_unused(db, account_id, Reference("idol_name", name))


CHANGE = f"""
    with {HOLD},
    saved as (
        update idols as i
        set {IDOL.assignments("i", "$3")},
            updated_at = $6
        where i.account_id = $1 and i.idol_uid = $2
        returning i.account_id, i.idol_uid
    ),
    delete_labels as (
        delete from idol_labels
        where account_id = $1 and idol_uid = $2 and $4 and label_name <> all ($5::text[])
    ),
    insert_labels as (
        insert into idol_labels (account_id, idol_uid, label_name)
        select distinct saved.account_id, saved.idol_uid, label from saved cross join unnest($5::text[]) as label
        where $4
        on conflict (account_id, idol_uid, label_name) do nothing
    ),
    announced as (
        {announce(IDOL_UPDATED, "saved", at="$6", fields="$7::text[]")}
    )
    select idol_uid from saved
"""  # noqa: S608 - fixed parts


async def _change(db: Db, account_id: int, idol_uid: uuid.UUID, fields: Mapping[str, Any], now: datetime) -> uuid.UUID:
    try:
        updated = await db.value(
            CHANGE,
            account_id,
            idol_uid,
            IDOL.record(fields),
            "label_names" in fields,
            fields.get("label_names") or [],
            now,
            list(fields),
        )
    except asyncpg.UniqueViolationError:
        raise IdolNameTaken from None
    if updated is None:
        raise Unknown(idol=idol_uid)
    return idol_uid


async def delete_idol(db: Db, account_id: int, idol_uid: uuid.UUID, now: datetime) -> None:
    """Delete an idol with its events and links to fans; Unknown (404), Conflict (409) if stored criteria name it."""
    async with db.transaction() as tx:
        # Waits for transactions that link fans to the idol, so that the next statement deletes their links too.
        await tx.execute("select from idols where account_id = $1 and idol_uid = $2 for update", account_id, idol_uid)
        await _check_removed_name(tx, account_id, idol_uid)
        await _delete(tx, account_id, idol_uid, now)


DELETE = f"""
    with {HOLD},
    delete_links as (delete from fan_idols where account_id = $1 and idol_uid = $2),
    deleted as (delete from idols where account_id = $1 and idol_uid = $2 returning account_id, idol_uid),
    announced as (
        {announce(IDOL_DELETED, "deleted", at="$3")}
    )
    select idol_uid from deleted
"""  # noqa: S608 - fixed parts


async def _delete(db: Db, account_id: int, idol_uid: uuid.UUID, now: datetime) -> None:
    deleted = await db.value(
        DELETE,
        account_id,
        idol_uid,
        now,
    )
    if deleted is None:
        raise Unknown(idol=idol_uid)


EVENT = Columns(
    IdolEventChanges,
    key=("event_uid",),
    names={"start_timestamp": "starts_at", "end_timestamp": "ends_at"},
    empty={"is_available": True},
)
CREATE_EVENT = f"""
    with {HOLD},
    saved as (
        insert into idol_events (account_id, event_uid, created_at, updated_at, {EVENT})
        select $1, $2, $4, $4, {EVENT}
        from jsonb_populate_record(null::idol_events, $3) e
        where exists (select from idols i where i.account_id = $1 and i.idol_uid = e.idol_uid)
        returning event_uid
    ),
    announced as (
        {announce(IDOL_EVENT_CREATED, "saved", at="$4")}
    )
    select event_uid from saved
"""  # noqa: S608 - fixed parts
CHANGE_EVENT = f"""
    with {HOLD},
    saved as (
        update idol_events e
        set {EVENT.assignments("e", "$3")}, updated_at = $4
        where e.account_id = $1 and e.event_uid = $2
          and exists (select from idols i where i.account_id = $1 and i.idol_uid = ($3::jsonb ->> 'idol_uid')::uuid)
        returning e.event_uid
    ),
    announced as (
        {announce(IDOL_EVENT_UPDATED, "saved", at="$4")}
    )
    select event_uid from saved
"""  # noqa: S608 - fixed parts


async def save_idol_event(db: Db, account_id: int, new: NewIdolEvent, now: datetime) -> uuid.UUID:
    """Create an event or, from an `IdolEventChanges`, replace it; return its uid.

    Unknown (404) idol or event; BadParameters (422) for an unknown performance.
    """
    is_change = isinstance(new, IdolEventChanges)
    event_uid = new.event_uid if isinstance(new, IdolEventChanges) else uuid.uuid4()
    # A change replaces the whole event: fields left out become empty.
    fields = {name: getattr(new, name) for name in EVENT.by_field}
    fields["province"] = venue_province(new.country_code, new.province)
    arguments = account_id, event_uid, EVENT.record(fields), now
    try:
        saved = await db.retry_conflicts(lambda tx: tx.value(CHANGE_EVENT if is_change else CREATE_EVENT, *arguments))
    except asyncpg.ForeignKeyViolationError as missing:
        if "performance_uid" in (missing.constraint_name or ""):
            raise BadParameters([("performance_uid", "is not a performance of this account")]) from None
        raise Unknown(idol=new.idol_uid) from None
    if saved is None:
        raise Unknown(idol_event=event_uid if is_change else None, idol=new.idol_uid)
    return event_uid


DELETE_IDOL_EVENT = announced_deletion(
    IDOL_EVENT_DELETED, "delete from idol_events where account_id = $1 and event_uid = $2", returning="event_uid"
)


async def delete_idol_event(db: Db, account_id: int, event_uid: uuid.UUID, now: datetime) -> None:
    """Delete an event; Unknown (404) if it does not exist."""
    deleted = await db.value(
        DELETE_IDOL_EVENT,
        account_id,
        event_uid,
        now,
    )
    if deleted is None:
        raise Unknown(idol_event=event_uid)
