"""Turns criteria into one SQL condition on a fan: reads the records that they name, checks them, and composes the SQL.

An unknown name in a criterion that includes fans matches nobody. In a criterion that excludes fans it would exclude
nobody, so it is refused, also inside a filter that is excluded. docs/decisions/0032-references.md
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec

from fanfare.fans.queries.business_limits import AMONG, BELONGS, WAYS
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Params
from fanfare.kernel.running.long_inputs import SHORT_BYTES, run_by_size
from fanfare.kernel.wire.times import day_of
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Context, Lookup
from fanfare.search.criteria.uses import (
    Use,
    conditions_of,
    filter_uids,
    leaf_uses,
    segment_references,
    segments_by_criterion,
)
from fanfare.search.criteria.where import Condition, Where, where
from fanfare.search.queries.stored import UnreadableCriteria, criteria_in

T = TypeVar("T")
# How many filters a set of criteria may expand to. Each mention of a filter counts, since each repeats its condition.
MAX_FILTERS = 100
TOO_LARGE = f"refers to more than {MAX_FILTERS} filters, directly or through other filters"
# By filter uid: the uids of the filters that its criteria name, with the number of criteria that name each.
Links = Mapping[str, Counter[str]]

COUNT = "select count(*) from fans f where f.account_id = $1 and {condition}"


async def condition(
    db: Db,
    account: Account,
    criteria: Criteria,
    now: datetime,
    newest_fan_id: int | None = None,
    business_ids: Sequence[int] | None = None,
) -> Where:
    """Return the condition that fans must meet now; with `newest_fan_id` only fans up to this id meet it.

    With `business_ids` only fans of these businesses meet it. BadParameters (422) if the criteria cannot be evaluated.
    """
    context = await checked_context(db, account, criteria, now, business_ids)
    return await compose(account.id, criteria, context, newest_fan_id)


async def compose(account_id: int, criteria: Criteria, context: Context, newest_fan_id: int | None = None) -> Where:
    """Return the condition that criteria become in their context."""
    return await evaluate(
        account_id,
        context,
        lambda: where(account_id, [*conditions_of(criteria, context, newest_fan_id), *limits(context)]),
    )


def limits(context: Context) -> list[Condition]:
    """Return the condition that people set who are limited to businesses."""
    if context.business_ids is None:
        return []
    ids = list(context.business_ids)
    # Each way to have something to do with a business names them.
    return [Condition(AMONG, (ids,) * len(WAYS)) if context.reads_businesses_first else Condition(BELONGS, (ids,))]


async def evaluate(account_id: int, context: Context, work: Callable[[], T]) -> T:
    """Run work on criteria, in the thread for long inputs if they are long: it folds every name in them."""
    return await run_by_size(account_id, context.size, work)


async def fan_count(db: Db, account_id: int, criteria: Criteria, context: Context) -> int:
    """Return the number of fans who meet criteria."""
    query = await compose(account_id, criteria, context)
    count: int = await db.value(query.statement(COUNT), *query.args)
    return count


async def checked_context(
    db: Db, account: Account, criteria: Criteria, now: datetime, business_ids: Sequence[int] | None = None
) -> Context:
    """Return the context of criteria; BadParameters (422) if they cannot be evaluated."""
    return await checked_contexts(db, account, [criteria], now, business_ids)


async def checked_contexts(
    db: Db, account: Account, searches: Sequence[Criteria], now: datetime, business_ids: Sequence[int] | None = None
) -> Context:
    """Return the context of several sets of criteria; BadParameters (422) if one of them cannot be evaluated."""
    context = await read_context(db, account, searches, now, MAX_FILTERS)
    for each in searches:
        refuse(await evaluate(account.id, context, partial(faults, each, context)))
    return context if business_ids is None else msgspec.structs.replace(context, business_ids=tuple(business_ids))


async def read_context(
    db: Db, account: Account, searches: Sequence[Criteria], now: datetime, max_filters: int | None = None
) -> Context:
    """Return the context of several sets of criteria; each kind of name is looked up once for all of them.

    With `max_filters` it stops following references between filters soon after that many.
    """
    filters = await _referenced_filters(db, account.id, searches, max_filters)
    readable = {uid: each for uid, each in filters.items() if each is not None}
    all_criteria = [*searches, *readable.values()]
    lists = [each for each in segment_references(all_criteria) if not each.startswith("filter:")]
    # Each mention of a filter repeats its condition.
    size = SHORT_BYTES + 1 if filters else sum(len(msgspec.json.encode(each)) for each in searches)
    return Context(
        account.time_zone,
        account.country_code,
        day_of(now, account.time_zone),
        readable,
        frozenset(filters.keys() - readable),
        frozenset(await existing_segments(db, account.id, lists)),
        await _lookup_results(db, account, all_criteria, size),
        size,
    )


async def _referenced_filters(
    db: Db, account_id: int, searches: Sequence[Criteria], max_filters: int | None
) -> dict[str, Criteria | None]:
    """Return by uid the criteria of the filters that criteria refer to, directly or through other filters.

    They are None where the stored criteria cannot be read.
    """
    result: dict[str, Criteria | None] = {}
    missing = set(filter_uids(searches))
    while missing and (max_filters is None or len(result) <= max_filters):
        rows = await db.rows(
            "select filter_uid, criteria from filters where account_id = $1 and filter_uid = any($2)",
            account_id,
            [uuid.UUID(each) for each in sorted(missing)],
        )
        batch: dict[str, Criteria | None] = {}
        for row in rows:
            with suppress(UnreadableCriteria):
                batch[str(row["filter_uid"])] = None
                batch[str(row["filter_uid"])] = criteria_in(row["criteria"])
        result |= batch
        missing = set(filter_uids(each for each in batch.values() if each is not None)) - result.keys()
    return result


SEGMENT_QUERIES = {
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


async def existing_segments(db: Db, account_id: int, segments: Iterable[str]) -> set[str]:
    """Return those of some segments (filter:uid, snapshot:uid, tag:id) that the account has."""
    keys_by_kind: dict[str, set[str]] = {}
    for each in segments:
        kind, _, key = each.partition(":")
        keys_by_kind.setdefault(kind, set()).add(key)
    rows = [
        row
        for kind, keys in keys_by_kind.items()
        for row in await db.rows(SEGMENT_QUERIES[kind], account_id, sorted(keys))
    ]
    return {row["segment"] for row in rows}


async def _lookup_results(
    db: Db, account: Account, searches: Iterable[Criteria], size: int
) -> dict[Lookup[Any, Any, Any], dict[Any, Any]]:
    """Return the results of all lookups of criteria, by lookup and key."""
    keys_by_lookup = await run_by_size(account.id, size, _lookup_keys, account, searches)
    return {lookup: await lookup.find(db, account.id, list(keys)) for lookup, keys in keys_by_lookup.items() if keys}


def _lookup_keys(account: Account, searches: Iterable[Criteria]) -> dict[Lookup[Any, Any, Any], dict[Any, None]]:
    keys_by_lookup: dict[Lookup[Any, Any, Any], dict[Any, None]] = {}
    for use in (use for each in searches for use in leaf_uses(each)):
        for lookup in use.criterion.lookups:
            keys = lookup.keys(use.value, account.country_code)
            keys_by_lookup.setdefault(lookup, {}).update(dict.fromkeys(keys))
    return keys_by_lookup


class Fault(msgspec.Struct, frozen=True):
    """A reason why criteria cannot be evaluated.

    `criterion` is the name of the criterion at fault: one of the criteria themselves or, with `filter_uid`, one of that
    filter. `origin` is the criterion through which the criteria lead there, else the same.
    """

    reason: str
    criterion: str
    origin: str
    filter_uid: str | None = None

    def message(self) -> str:
        """Return the error message for the criterion `origin`."""
        if self.filter_uid is None:
            return self.reason
        return f"refers to filter:{self.filter_uid}, whose {self.criterion} {self.reason}"


def refuse(faults: Iterable[Fault], suffix: str = "") -> None:
    """Raise `BadParameters` (422) if there are faults; `suffix` is added to each message."""
    errors = [(each.origin, each.message() + suffix) for each in faults]
    if errors:
        raise BadParameters(dict.fromkeys(errors))


def faults(criteria: Params, context: Context, *, is_excluded: bool = False) -> list[Fault]:
    """Return why criteria cannot be evaluated; `is_excluded`: in a place where those who meet them are excluded."""
    if (name := _too_large(criteria, context)) is not None:
        # There are too many filters to check them.
        return [Fault(TOO_LARGE, name, name)]
    return list(_missing(criteria, context, is_excluded=is_excluded))


def _too_large(criteria: Params, context: Context) -> str | None:
    """Return the criterion with which criteria exceed `MAX_FILTERS`, or None."""
    links: dict[str, Counter[str]] = {}
    sizes: dict[str, int] = {}
    remaining = MAX_FILTERS
    for name, segments in segments_by_criterion(criteria).items():
        uids = [_uid(each) for each in segments if each.startswith("filter:")]
        pending = [*uids]
        while pending and len(links) <= MAX_FILTERS:
            uid = pending.pop()
            if uid not in links and uid in context.filters:
                links[uid] = Counter(filter_uids([context.filters[uid]]))
                pending += links[uid]
        remaining -= sum(expanded_size(links, uid, sizes) for uid in uids)
        if remaining < 0 or pending:
            return name
    return None


def expanded_size(links: Links, uid: str, sizes: dict[str, int]) -> int:
    """Return the number of filters that one expands to, itself included: at most `MAX_FILTERS` + 1.

    `sizes` caches results between calls.
    """
    if uid not in sizes:
        # A filter that refers to itself, directly or through others, has no finite size.
        sizes[uid] = MAX_FILTERS + 1
        nested = sum(times * expanded_size(links, each, sizes) for each, times in links.get(uid, Counter()).items())
        sizes[uid] = min(1 + nested, MAX_FILTERS + 1)
    return sizes[uid]


def _missing(criteria: Params, context: Context, *, is_excluded: bool) -> Iterator[Fault]:
    """Yield the faults of criteria and of the filters that they refer to, directly or through other filters."""
    yield from (Fault(reason, name, name) for name, reason in _own_faults(criteria, context, is_excluded=is_excluded))
    visited: set[tuple[str, bool]] = set()
    pending = [(uid, use.name, is_excluded or use.excludes) for uid, use in _references(criteria, context)]
    while pending:
        uid, origin, is_out = pending.pop()
        if (uid, is_out) in visited:
            continue
        visited.add((uid, is_out))
        filter_criteria = context.filters[uid]
        filter_faults = _own_faults(filter_criteria, context, is_excluded=is_out)
        yield from (Fault(reason, name, origin, uid) for name, reason in filter_faults)
        pending += [(each, origin, is_out or use.excludes) for each, use in _references(filter_criteria, context)]


def _references(criteria: Params, context: Context) -> Iterator[tuple[str, Use]]:
    """Yield the uids of the filters that criteria name, each with the criterion that names it."""
    for use in leaf_uses(criteria):
        yield from ((uid, use) for uid in map(_uid, use.segments()) if uid in context.filters)


def _uid(segment: str) -> str:
    return segment.removeprefix("filter:")


def _own_faults(criteria: Params, context: Context, *, is_excluded: bool) -> Iterator[tuple[str, str]]:
    """Yield the criteria that name what does not exist and would therefore exclude nobody, each with its error message.

    With `is_excluded` the fans who meet these criteria are excluded. Filters that cannot be read are always a fault.
    """
    for use in leaf_uses(criteria):
        segments = use.segments()
        if is_excluded or use.excludes:
            unknown = (
                each for each in segments if not context.has_segment(each) and _uid(each) not in context.unreadable
            )
            yield from ((use.name, f"refers to an unknown segment: {each}") for each in unknown)
        unreadable = (each for each in segments if _uid(each) in context.unreadable)
        yield from ((use.name, f"refers to a filter whose criteria cannot be read: {each}") for each in unreadable)
        yield from use.missing(context, is_excluded=is_excluded)
