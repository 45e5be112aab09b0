"""Reads filters: their list, one of them, and those that criteria refer to."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.wire import day_bounds
from fanfare.segments.schemas.filters import Filter, FilterListed, FilterWindow
from fanfare.segments.schemas.search import Criteria


def kept(criteria: Criteria) -> dict[str, object]:
    """Return the criteria that were given, as they are stored."""
    nothing = msgspec.to_builtins(Criteria())
    told = {name: getattr(criteria, name) for name in Criteria.__struct_fields__}
    return {name: value for name, value in msgspec.to_builtins(told).items() if value != nothing[name]}


class UnreadableCriteria(BadParameters):
    """The stored criteria cannot be read"""

    def __init__(self) -> None:
        """Name what is wrong by what a filter calls it."""
        super().__init__([("criteria", "cannot be read as they are stored")])


def criteria_in(stored: object) -> Criteria:
    """Return criteria from the form in which they are stored; refuse (422) what is not in that form."""
    try:
        return msgspec.convert(stored, Criteria)
    except msgspec.ValidationError:
        raise UnreadableCriteria from None


INCLUDING = ("fan_incl_segments", "fan_incl_snapshot_uids")
EXCLUDING = ("fan_excl_segments", "fan_excl_snapshot_uids")


def mentions(criteria: Criteria) -> dict[str, list[str]]:
    """Return the segments that each criterion names, as filter:uid, snapshot:uid or tag:id, each of them once."""
    segments: dict[str, list[str]] = {}
    for name in (*INCLUDING, *EXCLUDING):
        named = (f"snapshot:{each}" if isinstance(each, uuid.UUID) else each for each in getattr(criteria, name) or ())
        if distinct := list(dict.fromkeys(named)):
            segments[name] = distinct
    return segments


def referred(criteria: Iterable[Criteria]) -> Iterator[str]:
    """Yield the segments that criteria name, once for each criterion that does."""
    for each in criteria:
        for named in mentions(each).values():
            yield from named


def filter_uids(criteria: Iterable[Criteria]) -> Iterator[str]:
    """Yield the uids of the filters that criteria name, once for each criterion that does."""
    return (each.removeprefix("filter:") for each in referred(criteria) if each.startswith("filter:"))


KNOWN = {
    "tag": "select 'tag:' || tag_id as segment from tags where account_id = $1 and tag_id = any($2::text[]::bigint[])",
    "snapshot": """
        select 'snapshot:' || snapshot_uid as segment from snapshots
        where account_id = $1 and snapshot_uid = any($2::text[]::uuid[])
    """,
    "filter": """
        select 'filter:' || filter_uid as segment from filters
        where account_id = $1 and filter_uid = any($2::text[]::uuid[])
    """,
}


async def known_segments(db: Db, account_id: int, segments: Iterable[str]) -> set[str]:
    """Return those of some segments, each as kind:id, that the account has."""
    by_kind: dict[str, set[str]] = {}
    for each in segments:
        kind, _, key = each.partition(":")
        by_kind.setdefault(kind, set()).add(key)
    rows = [row for kind, keys in by_kind.items() for row in await db.rows(KNOWN[kind], account_id, sorted(keys))]
    return {row["segment"] for row in rows}


async def reached(
    db: Db, account_id: int, wanted: Sequence[Criteria], most: int | None = None
) -> dict[str, Criteria | None]:
    """Return the criteria of the filters that some criteria refer to, and that those refer to in turn, by their uid.

    Those that cannot be read are None. Beyond `most` filters it looks no further.
    """
    known: dict[str, Criteria | None] = {}
    missing = set(filter_uids(wanted))
    while missing and (most is None or len(known) <= most):
        rows = await db.rows(
            "select filter_uid, criteria from filters where account_id = $1 and filter_uid = any($2)",
            account_id,
            [uuid.UUID(each) for each in sorted(missing)],
        )
        fresh: dict[str, Criteria | None] = {}
        for row in rows:
            with suppress(UnreadableCriteria):
                fresh[str(row["filter_uid"])] = None
                fresh[str(row["filter_uid"])] = criteria_in(row["criteria"])
        known |= fresh
        missing = set(filter_uids(each for each in fresh.values() if each is not None)) - known.keys()
    return known


async def filters_listed(db: Db, account: Account, wanted: FilterWindow) -> list[FilterListed]:
    """Return the filters of a group that were made within some days, the oldest first."""
    start, end = _first_moment(wanted.creation_start_date, account), _moment_after(wanted.creation_end_date, account)
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
        wanted.group_name,
        start,
        end,
    )
    return [FilterListed(**row) for row in rows]


def _first_moment(day: date | None, account: Account) -> object:
    return day_bounds(day, account.time_zone)[0] if day else None


def _moment_after(day: date | None, account: Account) -> object:
    return day_bounds(day, account.time_zone)[1] if day else None


# Where faults of a filter's members are noted, under its filter_id.
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
    """Return one filter, or refuse as unknown."""
    return _filter(await db.row(f"{ONE} and f.filter_uid = $2", account_id, filter_uid), filter_uid)


async def filter_by_name(db: Db, account_id: int, filter_name: str) -> Filter:
    """Return the filter of that name, in any case, or refuse as unknown."""
    row = await db.row(f"{ONE} and fold_text(f.filter_name) = fold_text($2)", account_id, filter_name)
    return _filter(row, filter_name)


def _filter(row: Record | None, key: uuid.UUID | str) -> Filter:
    if row is None:
        raise Unknown(filter=key)
    return Filter(**{name: row[name] for name in Filter.__struct_fields__})
