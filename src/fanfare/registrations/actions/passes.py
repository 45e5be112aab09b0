"""Creates sections and passes; claims, transfers and cancels passes."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any

import asyncpg

from fanfare.campaigns.queries.checks import check_campaign
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.updates import Columns, sent_fields
from fanfare.kernel.errors import BadParameters, Unknown, faults_of
from fanfare.performances.actions.codes import random_code
from fanfare.registrations.actions.refusals import (
    PassAlreadyUsed,
    PassCancelled,
    PassClaimed,
    PassUse,
    SectionFull,
    SectionInUse,
    SectionNameTaken,
)
from fanfare.registrations.queries.passes import one_pass, passes_by_uids
from fanfare.registrations.schemas.passes import NewPasses, NewSection, Pass, PassChanges, PassFan, SectionChanges
from fanfare.registrations.topics import (
    PASS_CANCELLED,
    PASS_CLAIMED,
    PASS_CREATED,
    PASS_SECTION_CREATED,
    PASS_SECTION_UPDATED,
    PASS_TRANSFERRED,
    PASS_UPDATED,
)

CODE_LETTERS = 8


CREATE_SECTION = f"""
    with {HOLD},
    saved as (
        insert into pass_sections (account_id, section_uid, page_tab_id, section_name, capacity, created_at)
        values ($1, $2, $3, $4, $5, $6)
        returning section_uid
    )
    {announce(PASS_SECTION_CREATED, "saved", at="$6", page_tab_id="$3::bigint")}
"""  # noqa: S608 - fixed parts


async def create_section(db: Db, account_id: int, new: NewSection, now: datetime) -> uuid.UUID:
    """Create a section and return its uid; Unknown (404) campaign, SectionNameTaken (409) if the name exists in it."""
    await check_campaign(db, account_id, new.page_tab_id)
    section_uid = uuid.uuid4()
    try:
        await db.execute(
            CREATE_SECTION,
            account_id,
            section_uid,
            new.page_tab_id,
            new.section_name,
            new.capacity,
            now,
        )
    except asyncpg.UniqueViolationError:
        raise SectionNameTaken from None
    return section_uid


async def change_section(db: Db, account_id: int, changes: SectionChanges, now: datetime) -> uuid.UUID:
    """Change the name or the capacity of a section and return its uid.

    Unknown (404) section; Conflict (409) if the name is taken or the capacity is below the number of passes.
    """
    fields = SECTION.sent_fields(changes)
    try:
        record = SECTION.record(fields)
        updated = await db.value(CHANGE_SECTION, account_id, changes.section_uid, record, now, list(fields))
    except asyncpg.UniqueViolationError:
        raise SectionNameTaken from None
    except asyncpg.CheckViolationError:
        raise SectionInUse from None
    if updated is None:
        raise Unknown(section=changes.section_uid)
    return changes.section_uid


SECTION = Columns(SectionChanges, key=("section_uid",))
CHANGE_SECTION = f"""
    with {HOLD},
    saved as (
        update pass_sections s
        set {SECTION.assignments("s", "$3")}
        where s.account_id = $1 and s.section_uid = $2
        returning s.section_uid, s.page_tab_id
    ),
    announced as (
        {announce(PASS_SECTION_UPDATED, "saved", at="$4", fields="$5::text[]")}
    )
    select section_uid from saved
"""  # noqa: S608 - fixed parts


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors of the section_uid of new passes, as (name, message)."""
    section_uid, page_tab_id = values.get("section_uid"), values.get("page_tab_id")
    if section_uid is None or page_tab_id is None:
        return []
    return await faults_of(_check_section(db, account.id, section_uid, page_tab_id))


async def create_passes(db: Db, account_id: int, new: NewPasses, now: datetime, rng: Random) -> list[Pass]:
    """Create passes with unique codes and return them.

    Unknown (404) campaign or fan; BadParameters (422) for a section of another campaign; SectionFull (409).
    """
    await check_campaign(db, account_id, new.page_tab_id)

    async def write(outer: Db) -> list[uuid.UUID]:
        # A retry after a unique violation draws new codes.
        codes: dict[str, uuid.UUID] = {}
        while len(codes) < new.quantity:
            codes.setdefault(random_code(rng, CODE_LETTERS), uuid.uuid4())
        async with outer.transaction() as tx:
            await _reserve_places(tx, account_id, new)
            await _insert_passes(tx, account_id, new, codes, now)
        return list(codes.values())

    return await passes_by_uids(db, account_id, await db.retry_conflicts(write))


async def _reserve_places(db: Db, account_id: int, new: NewPasses) -> None:
    if new.section_uid is None:
        return
    args = (account_id, new.section_uid, new.page_tab_id)
    updated = await db.value(
        """
        update pass_sections set pass_count = pass_count + $4
        where account_id = $1 and section_uid = $2 and page_tab_id = $3
          and (capacity is null or pass_count + $4 <= capacity)
        returning true
        """,
        *args,
        new.quantity,
    )
    if updated:
        return
    await _check_section(db, *args)
    raise SectionFull


async def _check_section(db: Db, account_id: int, section_uid: uuid.UUID, page_tab_id: int) -> None:
    exists = "select true from pass_sections where account_id = $1 and section_uid = $2 and page_tab_id = $3"
    if not await db.value(exists, account_id, section_uid, page_tab_id):
        raise BadParameters([("section_uid", "is not a section of this campaign")])


INSERT_PASSES = f"""
    with {HOLD},
    saved as (
        insert into passes (account_id, pass_uid, pass_id, pass_code, page_tab_id, section_uid, fan_id,
                            event_key, created_at, updated_at)
        select $1, new.pass_uid, nextval('positions'), new.pass_code, $2, $3, $4, $8, $5, $5
        from hold cross join unnest($6::uuid[], $7::text[]) as new (pass_uid, pass_code)
        returning pass_uid, pass_id
    )
    {announce(PASS_CREATED, "saved", fan="$4", position="pass_id", at="$5", page_tab_id="$2::bigint")}
"""  # noqa: S608 - fixed parts


async def _insert_passes(db: Db, account_id: int, new: NewPasses, codes: dict[str, uuid.UUID], now: datetime) -> None:
    fan_id = new.fan_id
    if fan_id is not None:
        await _lock_fan(db, account_id, fan_id)
    await db.execute(
        INSERT_PASSES,
        account_id,
        new.page_tab_id,
        new.section_uid,
        fan_id,
        now,
        list(codes.values()),
        list(codes),
        new.event_key,
    )


async def _lock_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Lock a fan's row against erasure; Unknown (404) if it does not exist."""
    lock = "select fan_id from fans where account_id = $1 and fan_id = $2 for key share"
    if await db.value(lock, account_id, fan_id) is None:
        raise Unknown(fan=fan_id)


CLAIM = f"""
    with {HOLD},
    saved as (
        update passes p set claim_fan_id = $3, claimed_at = $4, updated_at = $4
        where p.account_id = $1 and p.pass_uid = $2 and p.claim_fan_id is null
          and p.checked_in_at is null and p.cancelled_at is null
        returning p.pass_uid
    ),
    announced as (
        {announce(PASS_CLAIMED, "saved", fan="$3", at="$4")}
    )
    select pass_uid from saved
"""  # noqa: S608 - fixed parts
TRANSFER = f"""
    with {HOLD},
    old as materialized (
        select pass_code from passes where account_id = $1 and pass_uid = $2 for no key update
    ),
    saved as (
        update passes p
        set claim_fan_id = $3, claimed_at = $4, transferred_at = $4, updated_at = $4, pass_code = $5
        from old
        where p.account_id = $1 and p.pass_uid = $2 and p.claim_fan_id is distinct from $3::bigint
          and p.checked_in_at is null and p.cancelled_at is null
        returning p.pass_uid, old.pass_code as old_code
    ),
    end_code as (
        insert into ended_pass_codes (account_id, pass_code, pass_uid, ended_at)
        select $1, old_code, pass_uid, $4 from saved
    ),
    announced as (
        {announce(PASS_TRANSFERRED, "saved", fan="$3", at="$4")}
    )
    select pass_uid from saved
"""  # noqa: S608 - fixed parts


async def claim_pass(db: Db, account: Account, change: PassFan, now: datetime) -> Pass:
    """Assign an unclaimed pass to a fan; no change if the fan has claimed it already.

    Unknown (404) pass or fan; Conflict (409) if another fan has claimed it, or it was used or cancelled.
    """
    async with db.transaction() as tx:
        await _lock_fan(tx, account.id, change.fan_id)
        updated = await tx.value(CLAIM, account.id, change.pass_uid, change.fan_id, now)
        current = await one_pass(tx, account.id, change.pass_uid)
        if updated is None and current.claim_fan_id != change.fan_id:
            await _check_usable(tx, account, change.pass_uid)
            raise PassClaimed
    return current


async def transfer_pass(db: Db, account: Account, change: PassFan, now: datetime, rng: Random) -> Pass:
    """Transfer a pass to another fan, with a new code; the old one becomes invalid.

    No change if that fan has it already. Unknown (404) pass or fan; Conflict (409) if it was used or cancelled.
    """

    async def write(outer: Db) -> Pass:
        async with outer.transaction() as tx:
            await _lock_fan(tx, account.id, change.fan_id)
            args = (account.id, change.pass_uid, change.fan_id, now, random_code(rng, CODE_LETTERS))
            updated = await tx.value(TRANSFER, *args)
            current = await one_pass(tx, account.id, change.pass_uid)
            if updated is None and current.claim_fan_id != change.fan_id:
                await _check_usable(tx, account, change.pass_uid)
        return current

    return await db.retry_conflicts(write)


CANCEL_PASS = f"""
    with {HOLD},
    saved as (
        update passes p set cancelled_at = $3, updated_at = $3
        where p.account_id = $1 and p.pass_uid = $2 and p.checked_in_at is null and p.cancelled_at is null
        returning p.pass_uid, p.section_uid, coalesce(p.claim_fan_id, p.fan_id) as fan_id
    ),
    free_place as (
        update pass_sections s set pass_count = s.pass_count - 1
        from saved where s.account_id = $1 and s.section_uid = saved.section_uid
    ),
    announced as (
        {announce(PASS_CANCELLED, "saved", at="$3")}
    )
    select pass_uid from saved
"""  # noqa: S608 - fixed parts


async def cancel_pass(db: Db, account: Account, pass_uid: uuid.UUID, now: datetime) -> Pass:
    """Cancel a pass and free its place; no change if cancelled already. Unknown (404); Conflict (409) if used."""
    async with db.transaction() as tx:
        updated = await tx.value(
            CANCEL_PASS,
            account.id,
            pass_uid,
            now,
        )
        current = await one_pass(tx, account.id, pass_uid)
        if updated is None and current.cancellation_timestamp is None:
            await _check_usable(tx, account, pass_uid)
    return current


CHANGE_PASS = f"""
    with {HOLD},
    saved as (
        update passes p set event_key = $3, updated_at = $4
        where p.account_id = $1 and p.pass_uid = $2 and p.event_key is distinct from $3::text
        returning p.pass_uid, coalesce(p.claim_fan_id, p.fan_id) as fan_id
    )
    {announce(PASS_UPDATED, "saved", at="$4")}
"""  # noqa: S608 - fixed parts


async def change_pass(db: Db, account_id: int, changes: PassChanges, now: datetime) -> Pass:
    """Change the event of a pass; Unknown (404) if the pass does not exist."""
    if "event_key" in sent_fields(changes):
        await db.execute(
            CHANGE_PASS,
            account_id,
            changes.pass_uid,
            changes.event_key,
            now,
        )
    return await one_pass(db, account_id, changes.pass_uid)


async def _check_usable(db: Db, account: Account, pass_uid: uuid.UUID) -> None:
    """Raise Conflict (409) for a pass that was used or cancelled."""
    row = await db.row(
        """
        select p.checked_in_at, p.gate_name, p.cancelled_at, c.time_zone
        from passes p
        join campaigns c on c.account_id = p.account_id and c.page_tab_id = p.page_tab_id
        where p.account_id = $1 and p.pass_uid = $2
        """,
        account.id,
        pass_uid,
    )
    if row and row["checked_in_at"]:
        raise PassAlreadyUsed(PassUse(row["checked_in_at"], row["gate_name"], row["time_zone"] or account.time_zone))
    if row and row["cancelled_at"]:
        raise PassCancelled
