"""Creates, updates and deletes performances."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import BadParameters, Unknown, faults_of
from fanfare.performances.actions.quests import delete_quests
from fanfare.performances.actions.rewards import delete_rewards
from fanfare.performances.schemas.performances import NewPerformance, PerformanceChanges
from fanfare.performances.topics import (
    PERFORMANCE_CREATED,
    PERFORMANCE_DELETED,
    PERFORMANCE_UPDATED,
)
from fanfare.places.provinces import venue_province

PERFORMANCE = Columns(PerformanceChanges, key=("performance_uid", "fields_to_clear"))
CREATE_PERFORMANCE = f"""
    with {HOLD},
    saved as (
        insert into performances (account_id, performance_uid, created_at, updated_at, {PERFORMANCE})
        select $1, $2, $4, $4, {PERFORMANCE} from jsonb_populate_record(null::performances, $3)
        returning performance_uid
    ),
    announced as (
        {announce(PERFORMANCE_CREATED, "saved", at="$4")}
    )
    select performance_uid from saved
"""  # noqa: S608 - fixed parts
CHANGE_PERFORMANCE = f"""
    with {HOLD},
    saved as (
        update performances p
        set {PERFORMANCE.assignments("p", "$3")}, updated_at = $4
        where p.account_id = $1 and p.performance_uid = $2
        returning p.performance_uid
    ),
    announced as (
        {announce(PERFORMANCE_UPDATED, "saved", at="$4", fields="$5::text[]")}
    )
    select performance_uid from saved
"""  # noqa: S608 - fixed parts
# Values of fields left out when a performance is created.
DEFAULTS = {"status": "draft", "additional_artist_names": ()}


async def create_performance(db: Db, account_id: int, new: NewPerformance, now: datetime) -> uuid.UUID:
    """Create a performance and return its uid; BadParameters (422) for an unknown business or campaign."""
    fields = DEFAULTS | await _fields(db, account_id, new)
    performance_uid: uuid.UUID = await db.value(
        CREATE_PERFORMANCE, account_id, uuid.uuid4(), PERFORMANCE.record(fields), now
    )
    return performance_uid


async def change_performance(db: Db, account_id: int, changes: PerformanceChanges, now: datetime) -> uuid.UUID:
    """Update the fields sent of a performance and return its uid; Unknown (404), or errors as `create_performance`."""
    fields = {**dict.fromkeys(changes.fields_to_clear or ()), **await _fields(db, account_id, changes)}
    record = PERFORMANCE.record(fields)
    uid = changes.performance_uid
    if not await db.value(CHANGE_PERFORMANCE, account_id, uid, record, now, list(fields)):
        raise Unknown(performance=uid)
    return uid


async def _fields(db: Db, account_id: int, new: NewPerformance) -> dict[str, Any]:
    await _check(db, account_id, new.business_id, new.referral_page_tab_id)
    fields = PERFORMANCE.sent_fields(new)
    if "province" in fields:
        fields["province"] = venue_province(new.country_code, fields["province"])
    return fields


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors of a performance's business_id and referral_page_tab_id, as (name, message)."""
    return await faults_of(_check(db, account.id, values.get("business_id"), values.get("referral_page_tab_id")))


async def _check(db: Db, account_id: int, business_id: int | None, page_tab_id: int | None) -> None:
    row = await db.row(
        """
        select $2::bigint is null or exists (
                   select from businesses where account_id = $1 and business_id = $2) as has_business,
               $3::bigint is null or exists (
                   select from campaigns where account_id = $1 and page_tab_id = $3) as has_campaign
        """,
        account_id,
        business_id,
        page_tab_id,
    )
    if row is None or not (row["has_business"] and row["has_campaign"]):
        missing = [] if row and row["has_business"] else [("business_id", "is not a business of this account")]
        if row and not row["has_campaign"]:
            missing.append(("referral_page_tab_id", "is not a campaign of this account"))
        raise BadParameters(missing)


DELETE_PERFORMANCE = announced_deletion(
    PERFORMANCE_DELETED,
    "delete from performances where account_id = $1 and performance_uid = $2",
    returning="performance_uid",
)


async def delete_performance(db: Db, account_id: int, performance_uid: uuid.UUID, now: datetime) -> None:
    """Delete a performance with its entries in schedules, quests and rewards; Unknown (404).

    References in idol events become null.
    """

    async def write(outer: Db) -> None:
        async with outer.transaction() as tx:
            await delete_quests(tx, account_id, performance_uid, now)
            await delete_rewards(tx, account_id, performance_uid, now)
            if await tx.value(DELETE_PERFORMANCE, account_id, performance_uid, now) is None:
                raise Unknown(performance=performance_uid)

    # Retries deadlocks: a concurrent write of an idol event can lock the two rows in the other order.
    await db.retry_conflicts(write)
