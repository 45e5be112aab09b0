"""Saves filters. A filter may refer only to existing segments, and not to itself, directly or through others."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.references import Reference, check_unused, hold
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import filter_uids, segment_references, segments_by_criterion
from fanfare.search.queries import conditions, stored
from fanfare.search.topics import FILTER_CREATED, FILTER_DELETED, FILTER_UPDATED
from fanfare.segments.actions import liveness
from fanfare.segments.queries import filters, references
from fanfare.segments.schemas.filters import FilterChanges, FilterSearch, NewFilter

# The number of filters that an error message names.
MAX_NAMES = 5


class FilterNameTaken(Conflict):
    """Another filter of the account has this name"""


class NamedByFilters(Conflict):
    """A filter refers to this"""


CREATE_FILTER = f"""
    with {HOLD},
    created as (
        insert into filters (account_id, filter_uid, filter_name, group_name, criteria, is_active,
                             created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $7)
        returning account_id, filter_uid
    )
    {announce(FILTER_CREATED, "created", at="$7")}
"""  # noqa: S608 - fixed parts


async def create_filter(db: Db, account: Account, new: NewFilter, now: datetime) -> uuid.UUID:
    """Create a filter and return its uid. FilterNameTaken (409); BadParameters (422) for its references."""
    filter_uid = uuid.uuid4()
    async with db.transaction() as tx:
        await hold(tx, account.id)
        await _check_references(tx, account, filter_uid, new, now)
        try:
            await tx.execute(
                CREATE_FILTER,
                account.id,
                filter_uid,
                new.filter_name,
                new.group_name,
                stored.storable(new),
                new.is_active,
                now,
            )
        except asyncpg.UniqueViolationError:
            raise FilterNameTaken from None
        if new.is_active:
            await liveness.begin(tx, account, filter_uid, now)
    return filter_uid


async def change_filter(db: Db, account: Account, changes: FilterChanges, now: datetime) -> uuid.UUID:
    """Rename, regroup, activate or deactivate a filter; return its uid. Unknown (404); FilterNameTaken (409)."""
    async with db.transaction() as tx:
        await lock_filter(tx, account.id, changes.filter_uid)
        if changes.is_active is False:
            await liveness.end(tx, account, changes.filter_uid, now)
        elif changes.is_active:
            await liveness.begin(tx, account, changes.filter_uid, now)
        try:
            await _change(tx, account.id, changes, now)
        except asyncpg.UniqueViolationError:
            raise FilterNameTaken from None
    return changes.filter_uid


async def lock_filter(db: Db, account_id: int, filter_uid: uuid.UUID) -> None:
    """Lock a filter for this transaction; always before the members of the account are locked. Unknown (404)."""
    sql = "select true from filters where account_id = $1 and filter_uid = $2 for update"
    if not await db.value(sql, account_id, filter_uid):
        raise Unknown(filter=filter_uid)


FILTER = Columns(FilterChanges, key=("filter_uid",))
CHANGE = f"""
    with {HOLD},
    updated as (
        update filters f
        set {FILTER.assignments("f", "$3")}, updated_at = $4
        where account_id = $1 and filter_uid = $2
        returning account_id, filter_uid
    )
    {announce(FILTER_UPDATED, "updated", at="$4", fields="$5::text[]")}
"""  # noqa: S608 - fixed parts


async def _change(tx: Db, account_id: int, changes: FilterChanges, now: datetime) -> None:
    fields = FILTER.sent_fields(changes)
    await tx.execute(CHANGE, account_id, changes.filter_uid, FILTER.record(fields), now, list(fields))


CHANGE_CRITERIA = f"""
    with {HOLD},
    updated as (
        update filters set criteria = $3, last_search_count = null, updated_at = $4
        where account_id = $1 and filter_uid = $2
        returning account_id, filter_uid
    )
    {announce(FILTER_UPDATED, "updated", at="$4", fields="jsonb_build_array('criteria')")}
"""  # noqa: S608 - fixed parts


async def change_criteria(db: Db, account: Account, query: FilterSearch, now: datetime) -> uuid.UUID:
    """Replace the criteria of a filter and return its uid. Unknown (404); BadParameters (422) for its references."""
    async with db.transaction() as tx:
        await hold(tx, account.id)
        await lock_filter(tx, account.id, query.filter_uid)
        await _check_references(tx, account, query.filter_uid, query, now)
        await liveness.lock_members(tx, account.id)
        dependents = references.dependents(await references.links(tx, account.id), str(query.filter_uid))
        await liveness.restart(tx, account.id, {str(query.filter_uid), *dependents})
        await tx.execute(
            CHANGE_CRITERIA,
            account.id,
            query.filter_uid,
            stored.storable(query),
            now,
        )
    return query.filter_uid


DELETE_FILTER = f"""
    with {HOLD},
    deleted as (
        delete from filters where account_id = $1 and filter_uid = $2
        returning account_id, filter_id, filter_uid
    ),
    members as (
        delete from segment_members m
        where m.account_id = $1 and m.filter_id = (select filter_id from deleted)
    ),
    stays as (
        delete from segment_stays s
        where s.account_id = $1 and s.filter_id = (select filter_id from deleted)
    )
    {announce(FILTER_DELETED, "deleted", at="$3")}
"""  # noqa: S608 - fixed parts


async def delete_filter(db: Db, account_id: int, filter_uid: uuid.UUID, now: datetime) -> None:
    """Delete a filter. Unknown (404); NamedByFilters (409) while another filter refers to it."""
    async with db.transaction() as tx:
        await check_unused(tx, account_id, Reference("filter", str(filter_uid)))
        await lock_filter(tx, account_id, filter_uid)
        await liveness.lock_members(tx, account_id)
        await liveness.clear_faults(tx, account_id, [str(filter_uid)])
        await tx.execute(
            DELETE_FILTER,
            account_id,
            filter_uid,
            now,
        )


async def refuse_referenced(db: Db, account_id: int, items: Sequence[Reference]) -> None:
    """Raise `NamedByFilters` (409) if a filter refers to one of some records."""
    names = await references.referring_names(db, account_id, items)
    if names:
        text = ", ".join(f'"{name}"' for name in names[:MAX_NAMES])
        suffix = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        message = f"used by {'a filter' if len(names) == 1 else 'filters'}: {text}{suffix}"
        raise NamedByFilters(message)


async def criteria_references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors of criteria that name unknown segments, as parameter and message."""
    criteria = {name: value for name, value in values.items() if name in Criteria.__struct_fields__}
    return await _unknown_segments(db, account.id, Criteria(**criteria))


async def _unknown_segments(db: Db, account_id: int, criteria: Criteria) -> list[tuple[str, str]]:
    existing = await conditions.existing_segments(db, account_id, segment_references([criteria]))
    return [
        (name, f"refers to an unknown segment: {each}")
        for name, segments in segments_by_criterion(criteria).items()
        for each in segments
        if each not in existing
    ]


async def _check_references(db: Db, account: Account, filter_uid: uuid.UUID, criteria: Criteria, now: datetime) -> None:
    """Raise BadParameters (422) for unknown segments, cycles, too many filters, and exclusions of unknown names."""
    segments_by_name = segments_by_criterion(criteria)
    if unknown := await _unknown_segments(db, account.id, criteria):
        raise BadParameters(unknown)
    links = await references.links(db, account.id)
    links[str(filter_uid)] = Counter(filter_uids([criteria]))
    cycle = references.cycle_from(links, str(filter_uid))
    if cycle:
        names = [(await filters.filter_by_uid(db, account.id, uuid.UUID(each))).filter_name for each in cycle]
        message = f"the filter would contain itself: {' > '.join(names)}"
        raise BadParameters(
            [(next(name for name, each in segments_by_name.items() if f"filter:{cycle[1]}" in each), message)]
        )
    sizes: dict[str, int] = {}
    ancestors = {str(filter_uid), *references.dependents(links, str(filter_uid))}
    if any(conditions.expanded_size(links, each, sizes) > conditions.MAX_FILTERS for each in ancestors):
        message = f"a filter may consist of at most {conditions.MAX_FILTERS} filters"
        raise BadParameters([(next(iter(segments_by_name)), message)])
    context = await conditions.checked_context(db, account, criteria, now)
    if name := await references.excluding_filter(db, account.id, ancestors):
        faults = conditions.faults(criteria, context, is_excluded=True)
        conditions.refuse(faults, f'; the filter "{name}" excludes this one')
