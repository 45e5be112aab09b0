"""Changes currency and country, and the time zone by a job that counts days again."""

from datetime import datetime

import asyncpg
import msgspec

from fanfare.account_settings.queries.accounts import account_settings
from fanfare.account_settings.schemas.accounts import AccountChanges, AccountSettings
from fanfare.account_settings.topics import ACCOUNT_UPDATED
from fanfare.accounts.queries import account_by_id
from fanfare.exports.actions.schedules import reschedule
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.audit import Action, Actor, append
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import enqueue
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.data.zones import refuse_missing_zone
from fanfare.kernel.errors import Conflict
from fanfare.ratings.actions import pass_again
from fanfare.segments.actions import zones as segment_zones
from fanfare.trackers.actions import zones as tracker_zones

ZONE_JOB = "account_settings.change_zone"
# What one account may count again at a time: hundreds of millions of clicks.
LONGEST_SECONDS = 1800.0
COLUMNS = Columns(AccountChanges)
CHANGE = f"""
    with {HOLD},
    updated as (
        update accounts as a set {COLUMNS.assignments("a", "$2")} where a.account_id = $1
        returning a.account_id
    )
    {announce(ACCOUNT_UPDATED, "updated", at="$3", fields="$4::text[]")}
"""  # noqa: S608 - fixed parts
REQUEST = """
    insert into zone_changes (account_id, change_id, old_time_zone, time_zone, created_at)
    select $1, nextval('positions'), a.time_zone, $2, $3 from accounts a
    where a.account_id = $1 and $3 at time zone $2::text is not null
    returning change_id
"""
OPEN = """
    select change_id, old_time_zone, time_zone, created_at from zone_changes
    where account_id = $1 and completed_at is null for update skip locked
"""
WITHDRAW = """
    with waiting as materialized (
        select change_id from zone_changes where account_id = $1 and completed_at is null for update skip locked
    )
    delete from zone_changes z using waiting w where z.account_id = $1 and z.change_id = w.change_id returning true
"""
SET_ZONE = f"""
    with {HOLD},
    updated as (
        update accounts set time_zone = $2 where account_id = $1 returning account_id
    )
    {announce(ACCOUNT_UPDATED, "updated", at="$3", fields="array['time_zone']")}
"""  # noqa: S608 - fixed parts
WAITING = "select change_id from zone_changes where account_id = $1 and completed_at is null"
COMPLETE = """
    update zone_changes
    set completed_at = $3, click_count = $4, sale_count = $5, segment_move_count = $6, schedule_count = $7
    where account_id = $1 and change_id = $2
"""
# The entry of whoever asked for it, which was written in the transaction of the request.
ASKED_BY = """
    select actor_kind, actor_key, actor_name, ip_address from audit_entries
    where account_id = $1 and occurred_at = $2 order by entry_number desc limit 1
"""
UNKNOWN_ACTOR = Actor("key", "", "", None)


class ZoneIsChanging(Conflict):
    """The time zone is being changed already; wait until the days are counted again"""


class NoZoneWaits(Conflict):
    """No change of the time zone waits, or its days are being counted already"""


async def change_account(db: Db, account_id: int, changes: AccountChanges, now: datetime) -> AccountSettings:
    """Update currency and country, and return the settings; nothing that is stored is converted."""
    fields = COLUMNS.sent_fields(changes)
    await db.execute(CHANGE, account_id, COLUMNS.record(fields), now, list(fields))
    return await account_settings(db, account_id)


async def request_zone(db: Db, account: Account, time_zone: str, now: datetime) -> AccountSettings:
    """Let a job change the time zone, and return the settings; ZoneIsChanging (409) while one runs."""
    if time_zone != account.time_zone:
        try:
            async with db.transaction() as tx:
                with refuse_missing_zone():
                    change_id = await tx.value(REQUEST, account.id, time_zone, now)
                await _queue(tx, account.id, change_id)
        except asyncpg.UniqueViolationError:
            raise ZoneIsChanging from None
    return await account_settings(db, account.id)


async def withdraw_zone(db: Db, account_id: int) -> AccountSettings:
    """Withdraw the change that waits, and return the settings; NoZoneWaits (409) once its job counts."""
    if not await db.value(WITHDRAW, account_id):
        raise NoZoneWaits
    return await account_settings(db, account_id)


async def queue_again(db: Db, account_id: int) -> None:
    """Queue the change that waits if its job is gone."""
    change_id = await db.value(WAITING, account_id)
    if change_id is not None:
        await _queue(db, account_id, change_id)


async def _queue(db: Db, account_id: int, change_id: int) -> None:
    # By change: the job of the one before may not have ended.
    await enqueue(db.for_account(account_id), ZONE_JOB, key=f"{account_id}:{change_id}")


async def change_zone(db: Db, account_id: int, now: datetime) -> None:
    """Change the time zone as it was asked for, and move to its days what is counted by day: all or nothing."""
    async with db.transaction() as tx:
        change = await tx.row(OPEN, account_id)
        if change is None:
            return
        await tx.allow(LONGEST_SECONDS)
        zones = change["old_time_zone"], change["time_zone"]
        # Nobody but judges of clicks waits while all clicks are read.
        steps = await tracker_zones.find_clicks(tx, account_id, *zones)
        moves = await segment_zones.move_days(tx, account_id, *zones)
        account = msgspec.structs.replace(await account_by_id(tx, account_id), time_zone=change["time_zone"])
        schedules = await reschedule(tx, account, now)
        await pass_again(tx, account_id)
        sales = await tracker_zones.move_sales(tx, account_id, change["time_zone"])
        # Last: the change log and clicks of the same day wait from here on.
        await tx.execute(SET_ZONE, account_id, change["time_zone"], now)
        clicks = await tracker_zones.move_clicks(tx, account_id, *zones, steps)
        await tx.execute(COMPLETE, account_id, change["change_id"], now, clicks, sales, moves, schedules)
        rows = [{"account": {"time_zone": zone}} for zone in zones]
        actor = await _actor(tx, account_id, change["created_at"])
        await append(tx, account_id, Action("change_zone", actor, None), now, rows)


async def _actor(db: Db, account_id: int, asked_at: datetime) -> Actor:
    row = await db.row(ASKED_BY, account_id, asked_at)
    if row is None:
        return UNKNOWN_ACTOR
    return Actor(row["actor_kind"], row["actor_key"], row["actor_name"], row["ip_address"])
