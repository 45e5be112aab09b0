"""Makes idols and events, and changes them."""

import uuid
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from msgspec import UNSET

from fanfare.idols.schemas import IdolChanges, IdolEventChanges, NewIdol, NewIdolEvent
from fanfare.idols.topics import (
    IDOL_CREATED,
    IDOL_DELETED,
    IDOL_EVENT_CREATED,
    IDOL_EVENT_DELETED,
    IDOL_EVENT_UPDATED,
    IDOL_UPDATED,
)
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.references import Thing, check_unused, hold
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.places.provinces import venue_province


class IdolNameTaken(Conflict):
    """Another idol of the account has this name"""


CREATE_IDOL = f"""
    with {HOLD},
    made as (
        insert into idols (account_id, idol_uid, idol_name, idol_type, spotify_uid, artist_id, discovery_id,
                           description, image_url, link_url, spotify_follower_count, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $13, $13)
        returning account_id, idol_uid
    ),
    labelled as (
        insert into idol_labels (account_id, idol_uid, label_name)
        select distinct made.account_id, made.idol_uid, label from made cross join unnest($12::text[]) as label
    )
    {announce(IDOL_CREATED, "made", at="$13")}
"""  # noqa: S608 - fixed parts


async def create_idol(db: Db, account_id: int, wanted: NewIdol, now: datetime) -> uuid.UUID:
    """Make an idol with its labels and return its uid."""
    idol_uid = uuid.uuid4()
    try:
        await db.execute(
            CREATE_IDOL,
            account_id,
            idol_uid,
            wanted.idol_name,
            wanted.idol_type or ("artist" if wanted.spotify_uid else "other"),
            wanted.spotify_uid,
            wanted.artist_id,
            wanted.discovery_id,
            wanted.description,
            wanted.image_url,
            wanted.link_url,
            wanted.spotify_follower_count,
            wanted.label_names or [],
            now,
        )
    except asyncpg.UniqueViolationError:
        raise IdolNameTaken from None
    return idol_uid


async def change_idol(db: Db, account_id: int, wanted: IdolChanges, now: datetime) -> uuid.UUID:
    """Update the fields sent of an idol and return its uid. Refuses (409) another name while criteria name it."""
    async with db.transaction() as held:
        if wanted.idol_name is not UNSET:
            await _give_up_name(held, account_id, wanted.idol_uid, wanted.idol_name)
        return await _change(held, account_id, wanted, now)


async def _give_up_name(db: Db, account_id: int, idol_uid: uuid.UUID, other: str | None = None) -> None:
    """Refuse when stored criteria name an idol by the name that it has, unless the other name is the same."""
    await hold(db, account_id)
    name = await db.value(
        """
        select idol_name from idols
        where account_id = $1 and idol_uid = $2 and fold_text(idol_name) is distinct from fold_text($3)
        """,
        account_id,
        idol_uid,
        other,
    )
    if name is not None:
        await check_unused(db, account_id, Thing("idol_name", name))


CHANGE = f"""
    with {HOLD},
    made as (
        update idols as i
        -- read from the row that is written, so that changes of different fields at once all stay
        set (idol_name, artist_id, discovery_id, description, image_url, link_url, spotify_follower_count) = (
                select idol_name, artist_id, discovery_id, description, image_url, link_url,
                       spotify_follower_count
                from jsonb_populate_record(i, $3)),
            updated_at = $6
        where i.account_id = $1 and i.idol_uid = $2
        returning i.account_id, i.idol_uid
    ),
    unlabelled as (
        delete from idol_labels
        where account_id = $1 and idol_uid = $2 and $4 and label_name <> all ($5::text[])
    ),
    labelled as (
        insert into idol_labels (account_id, idol_uid, label_name)
        select distinct made.account_id, made.idol_uid, label from made cross join unnest($5::text[]) as label
        where $4
        on conflict (account_id, idol_uid, label_name) do nothing
    ),
    logged as (
        {announce(IDOL_UPDATED, "made", at="$6")}
    )
    select idol_uid from made
"""  # noqa: S608 - fixed parts


async def _change(db: Db, account_id: int, wanted: IdolChanges, now: datetime) -> uuid.UUID:
    given = {name: value for name, value in _fields(wanted).items() if value is not UNSET}
    labels = given.pop("label_names", None) if "label_names" in given else UNSET
    given.pop("idol_uid")
    try:
        changed = await db.value(
            CHANGE,
            account_id,
            wanted.idol_uid,
            given,
            labels is not UNSET,
            (labels or []) if labels is not UNSET else [],
            now,
        )
    except asyncpg.UniqueViolationError:
        raise IdolNameTaken from None
    if changed is None:
        raise Unknown(idol=wanted.idol_uid)
    return wanted.idol_uid


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


async def delete_idol(db: Db, account_id: int, idol_uid: uuid.UUID, now: datetime) -> None:
    """Delete an idol with its events; its fans no longer follow it. Refuses (409) while stored criteria name it."""
    async with db.transaction() as held:
        # Who ties fans to an idol holds it: waited for, so that the next statement unties these fans too.
        await held.execute("select from idols where account_id = $1 and idol_uid = $2 for update", account_id, idol_uid)
        await _give_up_name(held, account_id, idol_uid)
        await _delete(held, account_id, idol_uid, now)


DELETE = f"""
    with {HOLD},
    untied as (delete from fan_idols where account_id = $1 and idol_uid = $2),
    gone as (delete from idols where account_id = $1 and idol_uid = $2 returning account_id, idol_uid),
    logged as (
        {announce(IDOL_DELETED, "gone", at="$3")}
    )
    select idol_uid from gone
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


SAVE_IDOL_EVENT = f"""
    with {HOLD},
    -- held, so that an event that is deleted meanwhile does not come back
    old as materialized (
        select event_uid from idol_events where account_id = $1 and event_uid = $2 for no key update
    ),
    made as (
        insert into idol_events as e (
            account_id, event_uid, idol_uid, performance_uid, event_name, starts_at, ends_at, venue_name,
            display_venue_name, city, province, country_code, event_url, ticket_url, label_name, image_url,
            is_available, created_at, updated_at)
        select i.account_id, $2, i.idol_uid, $4, $5, $6, $7, $8,
               $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18
        from idols i
        where i.account_id = $1 and i.idol_uid = $3
          and $19 = exists (select from old)
        on conflict (account_id, event_uid) do update
        set idol_uid = excluded.idol_uid, performance_uid = excluded.performance_uid,
            event_name = excluded.event_name, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
            venue_name = excluded.venue_name, display_venue_name = excluded.display_venue_name,
            city = excluded.city, province = excluded.province, country_code = excluded.country_code,
            event_url = excluded.event_url, ticket_url = excluded.ticket_url, label_name = excluded.label_name,
            image_url = excluded.image_url, is_available = excluded.is_available, updated_at = excluded.updated_at
        returning account_id, event_uid
    ),
    logged as (
        {announce(IDOL_EVENT_CREATED, "made where not $19", at="$18")}
        {also(IDOL_EVENT_UPDATED, "made where $19", at="$18")}
    )
    select event_uid from made
"""  # noqa: S608 - fixed parts


async def save_idol_event(db: Db, account_id: int, wanted: NewIdolEvent, now: datetime) -> uuid.UUID:
    """Make an event, or write an `IdolEventChanges` over its event; refuses an unknown idol, performance or event."""
    is_change = isinstance(wanted, IdolEventChanges)
    event_uid = wanted.event_uid if isinstance(wanted, IdolEventChanges) else uuid.uuid4()
    try:
        saved = await db.racing(
            lambda held: held.value(SAVE_IDOL_EVENT, account_id, event_uid, *_event(wanted), now, is_change)
        )
    except asyncpg.ForeignKeyViolationError as missing:
        if "performance_uid" in (missing.constraint_name or ""):
            raise BadParameters([("performance_uid", "is not a performance of this account")]) from None
        raise Unknown(idol=wanted.idol_uid) from None
    if saved is None:
        raise Unknown(idol_event=event_uid if is_change else None, idol=wanted.idol_uid)
    return event_uid


def _event(wanted: NewIdolEvent) -> tuple[object, ...]:
    return (
        wanted.idol_uid,
        wanted.performance_uid,
        wanted.event_name,
        wanted.start_timestamp,
        wanted.end_timestamp,
        wanted.venue_name,
        wanted.display_venue_name,
        wanted.city,
        venue_province(wanted.country_code, wanted.province),
        wanted.country_code,
        wanted.event_url,
        wanted.ticket_url,
        wanted.label_name,
        wanted.image_url,
        wanted.is_available is not False,
    )


DELETE_IDOL_EVENT = f"""
    with {HOLD},
    gone as (delete from idol_events where account_id = $1 and event_uid = $2 returning account_id, event_uid),
    logged as (
        {announce(IDOL_EVENT_DELETED, "gone", at="$3")}
    )
    select event_uid from gone
"""  # noqa: S608 - fixed parts


async def delete_idol_event(db: Db, account_id: int, event_uid: uuid.UUID, now: datetime) -> None:
    """Delete an event."""
    deleted = await db.value(
        DELETE_IDOL_EVENT,
        account_id,
        event_uid,
        now,
    )
    if deleted is None:
        raise Unknown(idol_event=event_uid)
