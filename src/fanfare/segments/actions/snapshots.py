"""Creates and deletes snapshots, and updates them when a fan is merged or erased."""

import uuid
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.data.references import Reference, check_unused
from fanfare.kernel.errors import Conflict, Unavailable, Unknown
from fanfare.search.actions.running import complete_search
from fanfare.search.criteria.where import Where
from fanfare.search.queries import searches, stored
from fanfare.search.queries.conditions import condition
from fanfare.search.topics import SNAPSHOT_CREATED, SNAPSHOT_DELETED, SNAPSHOT_UPDATED
from fanfare.segments.queries import filters
from fanfare.segments.schemas.filters import NewSnapshot, SnapshotName, SnapshotSaved

FREEZE_SECONDS = 600
TABLES = ("snapshot_members",)
ANNOUNCE_CREATED = f"with {HOLD} {announce(SNAPSHOT_CREATED, '(select) as snapshot', subject='$2', at='$3')}"
ANNOUNCE_DELETED = f"with {HOLD} {announce(SNAPSHOT_DELETED, '(select) as snapshot', subject='$2', at='$3')}"


class SnapshotNameTaken(Conflict):
    """Another snapshot of the account has this name"""


async def create_snapshot(db: Db, account: Account, new: NewSnapshot, now: datetime) -> SnapshotSaved:
    """Create a snapshot of the fans of a filter, of a search, or with given ids; return its uid and number of fans.

    Unknown (404) filter or search; SnapshotNameTaken (409); Unavailable (503) if the filter was changed meanwhile.
    The announcement comes last: readers wait for a transaction with a position, and a long list takes seconds.
    """
    snapshot_uid = uuid.uuid4()
    made_from = "filter" if new.filter_uid else "search" if new.search_uid else "fans"
    if new.search_uid:
        await complete_search(db, account, new.search_uid, now)
    async with db.long_turn(), db.transaction() as tx:
        await tx.allow(FREEZE_SECONDS)
        try:
            await tx.execute(
                "insert into snapshots (account_id, snapshot_uid, snapshot_name, made_from, created_at)"
                " values ($1, $2, $3, $4, $5)",
                account.id,
                snapshot_uid,
                new.snapshot_name,
                made_from,
                now,
            )
        except asyncpg.UniqueViolationError:
            raise SnapshotNameTaken from None
        fan_count = await _freeze(tx, account, snapshot_uid, new, now)
        fan_count += await _reconcile(tx, account.id, snapshot_uid)
        await tx.execute(ANNOUNCE_CREATED, account.id, str(snapshot_uid), now)
    return SnapshotSaved(snapshot_uid, fan_count)


FREEZE_CONDITION = """
    insert into snapshot_members (account_id, snapshot_uid, fan_id)
    select f.account_id, {uid}, f.fan_id from fans f where f.account_id = $1 and {condition}
"""
FREEZE_IDS = """
    insert into snapshot_members (account_id, snapshot_uid, fan_id)
    select f.account_id, $2, f.fan_id from fans f where f.account_id = $1 and f.fan_id = any($3::bigint[])
"""


async def _freeze(tx: Db, account: Account, snapshot_uid: uuid.UUID, new: NewSnapshot, now: datetime) -> int:
    if new.filter_uid:
        return await _freeze_filter(tx, account, (snapshot_uid, new.filter_uid), now)
    if new.search_uid:
        ids_of_search = searches.all_ids(tx, account.id, new.search_uid)
        fan_count = sum([await _freeze_ids(tx, account.id, snapshot_uid, fan_ids) async for fan_ids in ids_of_search])
        # The search still exists, so all of its set was read.
        await searches.search(tx, account.id, new.search_uid, now)
        return fan_count
    return await _freeze_ids(tx, account.id, snapshot_uid, new.fan_ids or [])


async def _freeze_ids(tx: Db, account_id: int, snapshot_uid: uuid.UUID, fan_ids: Sequence[int]) -> int:
    status = await tx.execute(FREEZE_IDS, account_id, snapshot_uid, fan_ids)
    return int(status.rpartition(" ")[2])


async def _freeze_filter(tx: Db, account: Account, uids: tuple[uuid.UUID, uuid.UUID], now: datetime) -> int:
    """Add the fans of a filter to a snapshot (uids: snapshot, filter). Unavailable (503) if its condition changed."""
    snapshot_uid, filter_uid = uids
    query = await _condition(tx, account, filter_uid, now)
    args, (mark,) = query.with_arguments(snapshot_uid)
    status = await tx.execute(query.statement(FREEZE_CONDITION, uid=mark), *args)
    if await _condition(tx, account, filter_uid, now) != query:
        message = "the filter, or something it refers to, was changed in the meantime; try again"
        raise Unavailable(message)
    return int(status.rpartition(" ")[2])


async def _condition(tx: Db, account: Account, filter_uid: uuid.UUID, now: datetime) -> Where:
    named_filter = await filters.filter_by_uid(tx, account.id, filter_uid)
    return await condition(tx, account, stored.criteria_in(named_filter.criteria), now)


async def _reconcile(tx: Db, account_id: int, snapshot_uid: uuid.UUID) -> int:
    """Apply merges and erasures that did not see a new snapshot yet; return by how much its size changes.

    They hold the lock in shared mode, from before they read snapshots until they end. Here it is taken last, so that
    they do not wait until the fans are read.
    """
    await tx.execute("select pg_advisory_xact_lock($1)", lock_key("snapshot_members", account_id))
    change: int = await tx.value(
        """
        with deleted as (
            delete from snapshot_members m
            where m.account_id = $1 and m.snapshot_uid = $2
              and not exists (select from fans f where f.account_id = $1 and f.fan_id = m.fan_id)
            returning m.fan_id
        ),
        successors as (
            insert into snapshot_members (account_id, snapshot_uid, fan_id)
            select distinct $1::bigint, $2::uuid, m.fan_id
            from deleted d
            join fan_merges m on m.account_id = $1 and m.absorbed_id = d.fan_id and m.undone_at is null
            on conflict (account_id, snapshot_uid, fan_id) do nothing
            returning fan_id
        )
        select (select count(*) from successors) - (select count(*) from deleted)
        """,
        account_id,
        snapshot_uid,
    )
    return change


async def _lock_shared(db: Db, account_id: int) -> None:
    """Let snapshots that are being created wait for this transaction before they are reconciled."""
    await db.execute("select pg_advisory_xact_lock_shared($1)", lock_key("snapshot_members", account_id))


RENAME = f"""
    with {HOLD},
    renamed as (
        update snapshots set snapshot_name = $3 where account_id = $1 and snapshot_uid = $2
        returning account_id, snapshot_uid
    )
    {announce(SNAPSHOT_UPDATED, "renamed", at="$4")}
"""  # noqa: S608 - fixed parts


async def rename_snapshot(db: Db, account_id: int, changes: SnapshotName, now: datetime) -> uuid.UUID:
    """Rename a snapshot and return its uid. Unknown (404); SnapshotNameTaken (409)."""
    try:
        status = await db.execute(RENAME, account_id, changes.snapshot_uid, changes.snapshot_name, now)
    except asyncpg.UniqueViolationError:
        raise SnapshotNameTaken from None
    if status.endswith(" 0"):
        raise Unknown(snapshot=changes.snapshot_uid)
    return changes.snapshot_uid


async def delete_snapshot(db: Db, account_id: int, snapshot_uid: uuid.UUID, now: datetime) -> None:
    """Delete a snapshot. Unknown (404); NamedByFilters (409) while a filter refers to it."""
    async with db.transaction() as tx:
        await check_unused(tx, account_id, Reference("snapshot", str(snapshot_uid)))
        exists = await tx.value(
            "select true from snapshots where account_id = $1 and snapshot_uid = $2", account_id, snapshot_uid
        )
        if not exists:
            raise Unknown(snapshot=snapshot_uid)
        await tx.execute("delete from snapshots where account_id = $1 and snapshot_uid = $2", account_id, snapshot_uid)
        await tx.execute(ANNOUNCE_DELETED, account_id, str(snapshot_uid), now)


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Replace a fan on all snapshots by another."""
    await _lock_shared(db, account_id)
    await db.execute(
        """
        with deleted as (
            delete from snapshot_members where account_id = $1 and fan_id = $2 returning snapshot_uid
        )
        insert into snapshot_members (account_id, snapshot_uid, fan_id)
        select $1, snapshot_uid, $3 from deleted
        on conflict (account_id, snapshot_uid, fan_id) do nothing
        """,
        account_id,
        old_fan_id,
        fan_id,
    )


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete a fan from all snapshots."""
    await _lock_shared(db, account_id)
    await db.execute("delete from snapshot_members where account_id = $1 and fan_id = $2", account_id, fan_id)
