"""Saves filters. What a filter refers to must be there, and must not lead back to it."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.references import Thing, check_unused, hold
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import filter_uids, mentions, referred
from fanfare.search.queries import faults, stored
from fanfare.search.topics import FILTER_CREATED, FILTER_DELETED, FILTER_UPDATED
from fanfare.segments.actions import liveness
from fanfare.segments.queries import filters, references
from fanfare.segments.schemas.filters import FilterChanges, FilterSearch, NewFilter

# How many filters are named when something is refused because of them.
MOST_TOLD = 5


class FilterNameTaken(Conflict):
    """Another filter of the account has this name"""


class NamedByFilters(Conflict):
    """A filter refers to this"""


CREATE_FILTER = f"""
    with {HOLD},
    made as (
        insert into filters (account_id, filter_uid, filter_name, group_name, criteria, is_active,
                             created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $7)
        returning account_id, filter_uid
    )
    {announce(FILTER_CREATED, "made", at="$7")}
"""  # noqa: S608 - fixed parts


async def create_filter(db: Db, account: Account, wanted: NewFilter, now: datetime) -> uuid.UUID:
    """Make a filter and return its uid."""
    filter_uid = uuid.uuid4()
    async with db.transaction() as held:
        await hold(held, account.id)
        await _check_references(held, account, filter_uid, wanted, now)
        try:
            await held.execute(
                CREATE_FILTER,
                account.id,
                filter_uid,
                wanted.filter_name,
                wanted.group_name,
                stored.kept(wanted),
                wanted.is_active,
                now,
            )
        except asyncpg.UniqueViolationError:
            raise FilterNameTaken from None
        if wanted.is_active:
            await liveness.begin(held, account, filter_uid, now)
    return filter_uid


async def change_filter(db: Db, account: Account, wanted: FilterChanges, now: datetime) -> uuid.UUID:
    """Change the name, the group or the liveness of a filter and return its uid."""
    async with db.transaction() as held:
        await lock_filter(held, account.id, wanted.filter_uid)
        if wanted.is_active is False:
            await liveness.end(held, account.id, wanted.filter_uid, now)
        elif wanted.is_active:
            await liveness.begin(held, account, wanted.filter_uid, now)
        try:
            await _change(held, account.id, wanted, now)
        except asyncpg.UniqueViolationError:
            raise FilterNameTaken from None
    return wanted.filter_uid


async def lock_filter(db: Db, account_id: int, filter_uid: uuid.UUID) -> None:
    """Keep others from a filter until this transaction ends, before its members are; refuse an unknown one."""
    sql = "select true from filters where account_id = $1 and filter_uid = $2 for update"
    if not await db.value(sql, account_id, filter_uid):
        raise Unknown(filter=filter_uid)


FILTER = Columns(FilterChanges, key=("filter_uid",))
CHANGE = f"""
    with {HOLD},
    made as (
        update filters f
        set {FILTER.assignments("f", "$3")}, updated_at = $4
        where account_id = $1 and filter_uid = $2
        returning account_id, filter_uid
    )
    {announce(FILTER_UPDATED, "made", at="$4", fields="$5::text[]")}
"""  # noqa: S608 - fixed parts


async def _change(held: Db, account_id: int, wanted: FilterChanges, now: datetime) -> None:
    fields = FILTER.sent(wanted)
    await held.execute(CHANGE, account_id, wanted.filter_uid, FILTER.record(fields), now, list(fields))


CHANGE_CRITERIA = f"""
    with {HOLD},
    made as (
        update filters set criteria = $3, last_search_count = null, updated_at = $4
        where account_id = $1 and filter_uid = $2
        returning account_id, filter_uid
    )
    {announce(FILTER_UPDATED, "made", at="$4", fields="jsonb_build_array('criteria')")}
"""  # noqa: S608 - fixed parts


async def change_criteria(db: Db, account: Account, wanted: FilterSearch, now: datetime) -> uuid.UUID:
    """Replace the criteria of a filter, and return its uid."""
    async with db.transaction() as held:
        await hold(held, account.id)
        await lock_filter(held, account.id, wanted.filter_uid)
        await _check_references(held, account, wanted.filter_uid, wanted, now)
        await liveness.wait_for_members(held, account.id)
        above = references.dependents(await references.links(held, account.id), str(wanted.filter_uid))
        await liveness.begin_anew(held, account.id, {str(wanted.filter_uid), *above})
        await held.execute(
            CHANGE_CRITERIA,
            account.id,
            wanted.filter_uid,
            stored.kept(wanted),
            now,
        )
    return wanted.filter_uid


DELETE_FILTER = f"""
    with {HOLD},
    gone as (
        delete from filters where account_id = $1 and filter_uid = $2
        returning account_id, filter_id, filter_uid
    ),
    members as (
        delete from segment_members m
        where m.account_id = $1 and m.filter_id = (select filter_id from gone)
    ),
    stays as (
        delete from segment_stays s
        where s.account_id = $1 and s.filter_id = (select filter_id from gone)
    )
    {announce(FILTER_DELETED, "gone", at="$3")}
"""  # noqa: S608 - fixed parts


async def delete_filter(db: Db, account_id: int, filter_uid: uuid.UUID, now: datetime) -> None:
    """Delete a filter; refuses while another refers to it."""
    async with db.transaction() as held:
        await check_unused(held, account_id, Thing("filter", str(filter_uid)))
        await lock_filter(held, account_id, filter_uid)
        await liveness.wait_for_members(held, account_id)
        await liveness.forgive(held, account_id, [str(filter_uid)])
        await held.execute(
            DELETE_FILTER,
            account_id,
            filter_uid,
            now,
        )


async def refuse_named(db: Db, account_id: int, things: Sequence[Thing]) -> None:
    """Refuse when filters name one of some things."""
    names = await references.naming(db, account_id, things)
    if names:
        told = ", ".join(f'"{name}"' for name in names[:MOST_TOLD])
        more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
        message = f"used by {'a filter' if len(names) == 1 else 'filters'}: {told}{more}"
        raise NamedByFilters(message)


async def criteria_references(db: Db, account: Account, given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return which segments criteria name that are not there."""
    criteria = {name: value for name, value in given.items() if name in Criteria.__struct_fields__}
    return await _unknown_segments(db, account.id, Criteria(**criteria))


async def _unknown_segments(db: Db, account_id: int, wanted: Criteria) -> list[tuple[str, str]]:
    known = await stored.known_segments(db, account_id, referred([wanted]))
    return [
        (name, f"refers to an unknown segment: {each}")
        for name, segments in mentions(wanted).items()
        for each in segments
        if each not in known
    ]


async def _check_references(db: Db, account: Account, filter_uid: uuid.UUID, wanted: Criteria, now: datetime) -> None:
    """Refuse what is not there, what leads back to the filter, what grows too large, and exclusions of nothing."""
    named = mentions(wanted)
    if unknown := await _unknown_segments(db, account.id, wanted):
        raise BadParameters(unknown)
    linked = await references.links(db, account.id)
    linked[str(filter_uid)] = Counter(filter_uids([wanted]))
    way = references.circle(linked, str(filter_uid))
    if way:
        names = [(await filters.filter_by_uid(db, account.id, uuid.UUID(each))).filter_name for each in way]
        message = f"the filter would contain itself: {' > '.join(names)}"
        raise BadParameters([(next(name for name, each in named.items() if f"filter:{way[1]}" in each), message)])
    counted: dict[str, int] = {}
    above = {str(filter_uid), *references.dependents(linked, str(filter_uid))}
    if any(faults.parts(linked, each, counted) > faults.MOST_PARTS for each in above):
        message = f"a filter may consist of at most {faults.MOST_PARTS} filters"
        raise BadParameters([(next(iter(named)), message)])
    at = await faults.setting(db, account, wanted, now)
    if name := await references.excluding(db, account.id, above):
        faults.refuse(faults.faults(wanted, at, is_excluded=True), f'; the filter "{name}" excludes this one')
