"""Reads filters."""

import uuid
from datetime import date

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import day_bounds
from fanfare.segments.schemas.filters import Filter, FilterListed, FilterWindow


async def filters_listed(db: Db, account: Account, query: FilterWindow) -> list[FilterListed]:
    """Return the filters of a group that were created within a range of days, oldest first."""
    start, end = _first_moment(query.creation_start_date, account), _moment_after(query.creation_end_date, account)
    rows = await db.rows(
        """
        select filter_uid, filter_name, account_id, floor(extract(epoch from created_at))::bigint as creation_timestamp,
               last_search_count, group_name, is_active
        from filters
        where account_id = $1 and ($2::text is null or fold_text(group_name) = fold_text($2))
          and created_at >= coalesce($3::timestamptz, '-infinity')
          and created_at < coalesce($4::timestamptz, 'infinity')
        order by filter_id
        """,
        account.id,
        query.group_name,
        start,
        end,
    )
    return [FilterListed(**row) for row in rows]


def _first_moment(day: date | None, account: Account) -> object:
    return day_bounds(day, account.time_zone)[0] if day else None


def _moment_after(day: date | None, account: Account) -> object:
    return day_bounds(day, account.time_zone)[1] if day else None


# The job name under which faults of keeping a filter's members are recorded; the subject is the filter_id.
JOB = "segments.keep_members"
ONE = f"""
    select f.filter_id, f.filter_uid, f.filter_name, f.group_name, f.is_active, f.account_id, f.criteria,
           f.last_search_count, floor(extract(epoch from f.created_at))::bigint as creation_timestamp,
           floor(extract(epoch from f.updated_at))::bigint as last_update_timestamp, x.fault,
           floor(extract(epoch from x.failed_at))::bigint as fault_timestamp,
           floor(extract(epoch from x.retry_at))::bigint as retry_timestamp
    from filters f
    left join faults x on x.account_id = $1 and x.job_name = '{JOB}' and x.subject_id = f.filter_id::text
    where f.account_id = $1
"""  # noqa: S608 - constants


async def filter_by_uid(db: Db, account_id: int, filter_uid: uuid.UUID) -> Filter:
    """Return a filter; Unknown (404)."""
    return _filter(await db.row(f"{ONE} and f.filter_uid = $2", account_id, filter_uid), filter_uid)


async def filter_by_name(db: Db, account_id: int, filter_name: str) -> Filter:
    """Return the filter with a name, ignoring case; Unknown (404)."""
    row = await db.row(f"{ONE} and fold_text(f.filter_name) = fold_text($2)", account_id, filter_name)
    return _filter(row, filter_name)


def _filter(row: Record | None, key: uuid.UUID | str) -> Filter:
    if row is None:
        raise Unknown(filter=key)
    return Filter(**{name: row[name] for name in Filter.__struct_fields__})
