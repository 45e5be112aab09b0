"""Reads for live membership: active filters with their conditions, the moves of fans, and accounts with work to do."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from functools import partial

import asyncpg
import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.faults import is_transient
from fanfare.kernel.wire.times import day_of
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Context
from fanfare.search.criteria.uses import facts_read
from fanfare.search.criteria.where import Where
from fanfare.search.queries import stored
from fanfare.search.queries.conditions import compose, evaluate, faults, read_context, refuse
from fanfare.segments.queries import filters

# The position at which a build starts: before the first fan id.
BEFORE_FIRST = -1


class LiveFilter(msgspec.Struct, frozen=True):
    """An active filter: its criteria and their condition now, the facts that these read, and its progress.

    `built_digest` is the digest of the condition that its members were built for, `build_from` the fan id up to which a
    build has come (None: no build), `is_built` whether a build was ever completed.
    """

    filter_id: int
    criteria: Criteria
    context: Context
    condition: Where
    facts: frozenset[str]
    built_digest: bytes
    build_from: int | None
    is_built: bool

    @property
    def digest(self) -> bytes:
        """Return a hash of the condition: its SQL and its values, regardless of the order of lists."""
        values = [sorted(map(str, each)) if isinstance(each, list) else each for each in self.condition.args[1:]]
        return hashlib.sha256(repr((self.condition.sql, values)).encode()).digest()[:16]

    @property
    def last_fan_id(self) -> int:
        """Return the fan id up to which a build for the condition of now has come."""
        if self.build_from is None or self.digest != self.built_digest:
            return BEFORE_FIRST
        return self.build_from


class Move(msgspec.Struct, frozen=True):
    """A fan entered a filter (`is_entry`) or left it."""

    filter_id: int
    fan_id: int
    is_entry: bool


def today(account: Account, now: datetime) -> date:
    """Return the current day in the account's time zone."""
    return day_of(now, account.time_zone)


class ContextFault(Exception):  # noqa: N818 - the fault of an unknown filter
    """The context of all filters of an account cannot be read; `find_fault` finds the filter that causes it."""


class FilterFault(Exception):  # noqa: N818 - the fault of a filter, not of the program
    """A filter cannot be evaluated; `__cause__` says why."""

    def __init__(self, filter_id: int) -> None:
        super().__init__(filter_id)
        self.filter_id = filter_id


@contextmanager
def filter_fault(filter_id: int) -> Iterator[None]:
    """Raise exceptions of the block as `FilterFault`, except for outages and conflicts between transactions."""
    try:
        yield
    except Exception as error:
        if _is_retryable(error):
            raise
        raise FilterFault(filter_id) from error


def _is_retryable(error: Exception) -> bool:
    return is_transient(error) or isinstance(error, (asyncpg.DeadlockDetectedError, asyncpg.SerializationError))


async def live_filters(db: Db, account: Account, now: datetime, *, filter_id: int | None = None) -> list[LiveFilter]:
    """Return the active filters of an account, or one, without those whose fault is not due for a retry.

    Raises `FilterFault` for a filter that cannot be evaluated, `ContextFault` when it is not known which.
    """
    rows, criteria_list = await _active_filters(db, account, now, filter_id)
    try:
        context = await read_context(db, account, criteria_list, now)
    except Exception as error:
        if _is_retryable(error):
            raise
        raise ContextFault from error
    live = []
    for row, each in zip(rows, criteria_list, strict=True):
        with filter_fault(row["filter_id"]):
            refuse(await evaluate(account.id, context, partial(faults, each, context)))
            condition = await compose(account.id, each, context)
            state = row["condition_digest"], row["build_from"], row["is_built"]
            facts = facts_read(each, context.filters)
            live.append(LiveFilter(row["filter_id"], each, context, condition, facts, *state))
    return live


async def find_fault(db: Db, account: Account, now: datetime) -> None:
    """Read the context of each active filter separately. Must not run in a transaction, which an error would abort.

    Raises `FilterFault` for the first filter whose context cannot be read.
    """
    rows, criteria = await _active_filters(db, account, now)
    for row, each in zip(rows, criteria, strict=True):
        with filter_fault(row["filter_id"]):
            await read_context(db, account, [each], now)


async def filter_to_build(db: Db, account_id: int, now: datetime) -> int | None:
    """Return the filter to continue building: first those without a completed build, then with the fewest fans left."""
    filter_id: int | None = await db.value(
        """
        select s.filter_id
        from filter_states s
        left join faults x on x.account_id = $1 and x.job_name = $2 and x.subject_id = s.filter_id::text
        where s.account_id = $1 and s.build_from is not null and (x.retry_at is null or x.retry_at <= $3)
        order by s.built_at is not null, s.build_from desc, s.filter_id
        limit 1
        """,
        account_id,
        filters.JOB,
        now,
    )
    return filter_id


async def _active_filters(
    db: Db, account: Account, now: datetime, filter_id: int | None = None
) -> tuple[list[Record], list[Criteria]]:
    """Return the active filters, without those whose fault is not due for a retry, with their criteria."""
    rows = await db.rows(
        """
        select f.filter_id, f.criteria, s.condition_digest, s.build_from, s.built_at is not null as is_built
        from filters f
        join filter_states s on s.account_id = f.account_id and s.filter_id = f.filter_id
        left join faults x on x.account_id = $1 and x.job_name = $2 and x.subject_id = f.filter_id::text
        where f.account_id = $1 and (x.retry_at is null or x.retry_at <= $3)
          and ($4::bigint is null or f.filter_id = $4)
        order by f.filter_id
        """,
        account.id,
        filters.JOB,
        now,
        filter_id,
    )
    criteria = []
    for row in rows:
        with filter_fault(row["filter_id"]):
            criteria.append(stored.criteria_in(row["criteria"]))
    return rows, criteria


# Looks up each fan by the primary key, whatever the condition, so that a generic plan serves all values. `is true`
# keeps the planner from turning the subqueries of the condition into joins with whole tables.
FIND_MOVES = """
    select t.fan_id, f.fan_id is not null as is_entry
    from unnest({fans}::bigint[]) as t (fan_id)
    left join lateral (
        select f.fan_id from fans f where f.account_id = $1 and f.fan_id = t.fan_id
          and ({condition}) is true
        limit 1) f on true
    left join lateral (
        select m.fan_id from segment_members m
        where m.account_id = $1 and m.filter_id = {filter} and m.fan_id = t.fan_id limit 1) m on true
    where (f.fan_id is null) <> (m.fan_id is null)
"""


async def find_moves(db: Db, live: LiveFilter, fan_ids: Iterable[int]) -> list[Move]:
    """Return the moves among some fans: those who meet a filter's condition but are no members, and the reverse."""
    with filter_fault(live.filter_id):
        return await _find_moves(db, live, fan_ids)


async def _find_moves(db: Db, live: LiveFilter, fan_ids: Iterable[int]) -> list[Move]:
    args, (fans, filter_mark) = live.condition.with_arguments(sorted(fan_ids), live.filter_id)
    rows = await db.rows(live.condition.statement(FIND_MOVES, fans=fans, filter=filter_mark), *args)
    return [Move(live.filter_id, row["fan_id"], row["is_entry"]) for row in rows]


# Pairs of filter and fan, with whether the fan is in the filter, that differ from the members.
PENDING_MOVES = """
    select p.filter_id, p.fan_id, p.is_inside as is_entry
    from unnest($2::bigint[], $3::bigint[], $4::boolean[]) as p (filter_id, fan_id, is_inside)
    left join lateral (
        select true as is_member from segment_members m
        where m.account_id = $1 and m.filter_id = p.filter_id and m.fan_id = p.fan_id limit 1) m on true
    where p.is_inside <> coalesce(m.is_member, false)
"""


async def pending_moves(db: Db, account_id: int, moves: Iterable[Move]) -> list[Move]:
    """Return those of some moves that are not among the members yet."""
    pairs = list(moves)
    rows = await db.rows(
        PENDING_MOVES,
        account_id,
        [each.filter_id for each in pairs],
        [each.fan_id for each in pairs],
        [each.is_entry for each in pairs],
    )
    return [Move(**row) for row in rows]


async def accounts_due(db: Db, now: datetime) -> list[int]:
    """Return the accounts with work to do: with new changes, with a build, or where a new day began.

    The day is computed in Python only, since PostgreSQL may have another version of the time zone data.
    """
    rows = await db.rows(
        """
        select p.account_id, p.followed_on, a.time_zone,
               coalesce((select max(c.position) from changes c where c.account_id = p.account_id) > p.position, false)
               or exists (
                   select from filter_states s
                   left join faults x on x.account_id = s.account_id and x.job_name = $1
                    and x.subject_id = s.filter_id::text
                   where s.account_id = p.account_id and s.build_from is not null
                     and (x.retry_at is null or x.retry_at <= $2)) as is_waiting
        from segment_progress p
        join accounts a on a.account_id = p.account_id
        order by p.account_id
        """,
        filters.JOB,
        now,
    )
    days: dict[str, date | None] = {row["time_zone"]: None for row in rows}
    for zone in days:
        # An account with an unknown time zone is always due (its day is None), and its own job reports the fault.
        with suppress(KeyError, ValueError):
            days[zone] = day_of(now, zone)
    return [row["account_id"] for row in rows if row["is_waiting"] or row["followed_on"] != days[row["time_zone"]]]
