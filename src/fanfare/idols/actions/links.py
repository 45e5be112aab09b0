"""Links fans to idols: one, many in one statement, and by name."""

import uuid
from datetime import datetime

import asyncpg

from fanfare.idols.schemas import FanIdolChange
from fanfare.idols.topics import FAN_IDOL_ADDED, FAN_IDOL_REMOVED, IDOL_CREATED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown

TABLES = ("fan_idols",)


async def change_fan_idol(db: Db, account_id: int, change: FanIdolChange, now: datetime) -> uuid.UUID:
    """Link a fan to an idol or remove the link, and return the idol's uid.

    Unknown (404) fan or idol. An explicit link stays explicit when it is added again as an inferred one.
    """
    async with db.transaction() as tx:
        idol_uid = await _lock_pair(tx, account_id, change)
        if change.action == "add":
            is_explicit = change.is_explicit is not False
            await link_fans(tx, account_id, [change.fan_id], [idol_uid], now, is_explicit=is_explicit)
        else:
            await unlink_fan(tx, account_id, change.fan_id, idol_uid, now)
    return idol_uid


async def _lock_pair(db: Db, account_id: int, change: FanIdolChange) -> uuid.UUID:
    """Lock the fan and the idol against deletion and return the idol's uid; Unknown (404) fan or idol."""
    idol_uid: uuid.UUID | None = await db.value(
        """
        select i.idol_uid
        from fans f
        join idols i on i.account_id = f.account_id
         and case when $3::uuid is null then fold_text(i.idol_name) = fold_text($4) else i.idol_uid = $3 end
        where f.account_id = $1 and f.fan_id = $2
        for key share
        """,
        account_id,
        change.fan_id,
        change.idol_uid,
        change.idol_name,
    )
    if idol_uid is None:
        raise Unknown(fan=change.fan_id, idol=change.idol_uid or change.idol_name)
    return idol_uid


LINK_FANS = f"""
    with {HOLD},
    inserted as (
        insert into fan_idols as f (account_id, idol_uid, fan_id, is_explicit, created_at, updated_at)
        select distinct $1::bigint, idol_uid, fan_id, $4::boolean, $5::timestamptz, $5::timestamptz
        from unnest($2::bigint[], $3::uuid[]) as i (fan_id, idol_uid)
        order by idol_uid, fan_id
        on conflict (account_id, idol_uid, fan_id) do update
        set is_explicit = true, updated_at = excluded.updated_at
        where excluded.is_explicit and not f.is_explicit
        returning account_id, idol_uid, fan_id
    )
    {announce(FAN_IDOL_ADDED, "inserted", at="$5", is_explicit="$4::boolean")}
"""  # noqa: S608 - fixed parts


async def link_fans(
    db: Db, account_id: int, fan_ids: list[int], idol_uids: list[uuid.UUID], now: datetime, *, is_explicit: bool
) -> None:
    """Link each fan to the idol with the same index, in one statement; existing links stay."""
    await db.execute(
        LINK_FANS,
        account_id,
        fan_ids,
        idol_uids,
        is_explicit,
        now,
    )


FIND_OR_CREATE_IDOLS = f"""
    with {HOLD},
    input as materialized (
        select place, name from unnest($2::text[]) with ordinality as i (name, place)
    ),
    inserted as (
        insert into idols (account_id, idol_uid, idol_name, idol_type, created_at, updated_at)
        select $1, gen_random_uuid(), new.name, 'other', $3, $3
        from (select distinct on (fold_text(name)) name from input order by fold_text(name), place) as new
        where not exists (
            select from idols i where i.account_id = $1 and fold_text(i.idol_name) = fold_text(new.name))
        returning idol_uid, idol_name
    ),
    announced as (
        {announce(IDOL_CREATED, "inserted", at="$3")}
    )
    select coalesce(i.idol_uid, inserted.idol_uid) as idol_uid
    from input
    left join idols i on i.account_id = $1 and fold_text(i.idol_name) = fold_text(input.name)
    left join inserted on fold_text(inserted.idol_name) = fold_text(input.name)
    order by input.place
"""  # noqa: S608 - fixed parts


async def find_or_create_idols(db: Db, account_id: int, names: list[str], now: datetime) -> list[uuid.UUID]:
    """Return the uids of idols by name, in order; missing ones are created with the type other.

    They are locked against deletion until the caller's transaction ends.
    """

    async def write(tx: Db) -> list[uuid.UUID]:
        rows = await tx.rows(
            FIND_OR_CREATE_IDOLS,
            account_id,
            names,
            now,
        )
        uids = [row["idol_uid"] for row in rows]
        existing = await tx.rows(
            "select idol_uid from idols where account_id = $1 and idol_uid = any($2::uuid[]) order by idol_uid"
            " for key share",
            account_id,
            uids,
        )
        if len(existing) < len(set(uids)):
            message = "an idol was deleted in the meantime; try again"
            raise asyncpg.SerializationError(message)
        return uids

    return await db.retry_conflicts(write)


async def link_by_names(db: Db, account_id: int, fan_id: int, idol_names: list[str], now: datetime) -> None:
    """Link a fan to idols by name, explicitly; missing idols are created."""
    idol_uids = await find_or_create_idols(db, account_id, idol_names, now)
    await link_fans(db, account_id, [fan_id] * len(idol_uids), idol_uids, now, is_explicit=True)


UNLINK_FAN = f"""
    with {HOLD},
    deleted as (
        delete from fan_idols where account_id = $1 and idol_uid = $2 and fan_id = $3
        returning account_id, idol_uid, fan_id
    ),
    announced as (
        {announce(FAN_IDOL_REMOVED, "deleted", at="$4")}
    )
    select fan_id from deleted
"""  # noqa: S608 - fixed parts


async def unlink_fan(db: Db, account_id: int, fan_id: int, idol_uid: uuid.UUID, now: datetime) -> bool:
    """Remove the link between a fan and an idol; return whether there was one."""
    deleted = await db.value(
        UNLINK_FAN,
        account_id,
        idol_uid,
        fan_id,
        now,
    )
    return deleted is not None


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete a fan's links."""
    await db.execute("delete from fan_idols where account_id = $1 and fan_id = $2", account_id, fan_id)


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the links of one fan to another; a link is explicit if either was."""
    await db.execute(
        """
        insert into fan_idols as f (account_id, idol_uid, fan_id, is_explicit, created_at, updated_at)
        select account_id, idol_uid, $3, is_explicit, created_at, updated_at
        from fan_idols where account_id = $1 and fan_id = $2
        on conflict (account_id, idol_uid, fan_id) do update
        set is_explicit = f.is_explicit or excluded.is_explicit,
            created_at = least(f.created_at, excluded.created_at)
        """,
        account_id,
        old_fan_id,
        fan_id,
    )
    await forget_fan(db, account_id, old_fan_id)
