"""Reads what live membership stands on: the active filters with their conditions, and who of some fans moved."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import asyncpg
import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.faults import is_transient
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Context
from fanfare.search.criteria.uses import conditions, reads
from fanfare.search.criteria.where import Where, where
from fanfare.search.queries import stored
from fanfare.search.queries.conditions import faults, read_context, refuse
from fanfare.segments.queries import filters


class LiveFilter(msgspec.Struct, frozen=True):
    """An active filter: its criteria, their condition now, what that reads, and how far its members are."""

    filter_id: int
    criteria: Criteria
    context: Context
    condition: Where
    reads: frozenset[str]
    stands_for: bytes
    build_from: int | None
    is_built: bool

    @property
    def digest(self) -> bytes:
        """Return what tells its condition from another: its text and values, whatever the order of a list."""
        values = [sorted(map(str, each)) if isinstance(each, list) else each for each in self.condition.args[1:]]
        return hashlib.sha256(repr((self.condition.sql, values)).encode()).digest()[:16]


class Move(msgspec.Struct, frozen=True):
    """A fan who entered a filter or left it."""

    filter_id: int
    fan_id: int
    is_entry: bool


def today(account: Account, now: datetime) -> date:
    """Return the account's day."""
    return now.astimezone(ZoneInfo(account.time_zone)).date()


class SettingFault(Exception):  # noqa: N818 - of the filters together
    """What the filters of an account name cannot be read at once; `find_fault` finds the one whose fault it is."""


class FilterFault(Exception):  # noqa: N818 - a filter's, not the program's
    """A filter cannot be asked; the cause says why."""

    def __init__(self, filter_id: int) -> None:
        """Take whose fault it is."""
        super().__init__(filter_id)
        self.filter_id = filter_id


@contextmanager
def blame(filter_id: int) -> Iterator[None]:
    """Let what is raised inside be a filter's fault, unless it will pass or is a matter between writers."""
    try:
        yield
    except Exception as error:
        if _is_the_moments(error):
            raise
        raise FilterFault(filter_id) from error


def _is_the_moments(error: Exception) -> bool:
    return is_transient(error) or isinstance(error, (asyncpg.DeadlockDetectedError, asyncpg.SerializationError))


async def live_filters(db: Db, account: Account, now: datetime) -> list[LiveFilter]:
    """Return the active filters of an account with their conditions now, but for those that rest from a fault.

    Raises `FilterFault` for one that cannot be asked, `SettingFault` when it is not known which.
    """
    rows, criteria_list = await _active(db, account, now)
    try:
        context = await read_context(db, account, criteria_list, now)
    except Exception as error:
        if _is_the_moments(error):
            raise
        raise SettingFault from error
    live = []
    for row, each in zip(rows, criteria_list, strict=True):
        with blame(row["filter_id"]):
            refuse(faults(each, context))
            condition = where(account.id, conditions(each, context))
            state = row["condition_digest"], row["build_from"], row["is_built"]
            live.append(LiveFilter(row["filter_id"], each, context, condition, reads(each, context.filters), *state))
    return live


async def find_fault(db: Db, account: Account, now: datetime) -> None:
    """Ask each active filter by itself for what it names, outside a transaction that a failure would end.

    Raises `FilterFault` for the first that cannot be asked.
    """
    rows, criteria = await _active(db, account, now)
    for row, each in zip(rows, criteria, strict=True):
        with blame(row["filter_id"]):
            await read_context(db, account, [each], now)


async def _active(db: Db, account: Account, now: datetime) -> tuple[list[Record], list[Criteria]]:
    """Return the active filters that do not rest from a fault, with what each asks."""
    rows = await db.rows(
        """
        select f.filter_id, f.criteria, s.condition_digest, s.build_from, s.built_at is not null as is_built
        from filters f
        join filter_states s on s.account_id = f.account_id and s.filter_id = f.filter_id
        left join faults x on x.account_id = $1 and x.job_name = $2 and x.subject_id = f.filter_id::text
        where f.account_id = $1 and (x.retry_at is null or x.retry_at <= $3)
        order by f.filter_id
        """,
        account.id,
        filters.JOB,
        now,
    )
    criteria = []
    for row in rows:
        with blame(row["filter_id"]):
            criteria.append(stored.criteria_in(row["criteria"]))
    return rows, criteria


# Each fan is looked up by the primary key, whatever the condition: one plan serves all values, and is made once. `is
# true` keeps the planner from turning what is asked of one fan into a join with all that is there.
MOVED = """
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
    """Return those of some fans who are in a filter and not among its members, or the other way round."""
    with blame(live.filter_id):
        return await _find_moves(db, live, fan_ids)


async def _find_moves(db: Db, live: LiveFilter, fan_ids: Iterable[int]) -> list[Move]:
    args, (fans, filter_mark) = live.condition.with_arguments(sorted(fan_ids), live.filter_id)
    rows = await db.rows(live.condition.statement(MOVED, fans=fans, filter=filter_mark), *args)
    return [Move(live.filter_id, row["fan_id"], row["is_entry"]) for row in rows]


# Of fans and filters, with whether the fan is in, those that are not so among the members.
DIFFERENT = """
    select p.filter_id, p.fan_id, p.is_inside as is_entry
    from unnest($2::bigint[], $3::bigint[], $4::boolean[]) as p (filter_id, fan_id, is_inside)
    left join lateral (
        select true as is_member from segment_members m
        where m.account_id = $1 and m.filter_id = p.filter_id and m.fan_id = p.fan_id limit 1) m on true
    where p.is_inside <> coalesce(m.is_member, false)
"""


async def different(db: Db, account_id: int, moves: Iterable[Move]) -> list[Move]:
    """Return those of some entries and exits that have not happened yet."""
    pairs = list(moves)
    rows = await db.rows(
        DIFFERENT,
        account_id,
        [each.filter_id for each in pairs],
        [each.fan_id for each in pairs],
        [each.is_entry for each in pairs],
    )
    return [Move(**row) for row in rows]


async def accounts_due(db: Db, now: datetime) -> list[int]:
    """Return the accounts whose members are not known to be right: written to, on a new day, or being built.

    Which day it is, is told here alone: PostgreSQL's and Python's tables of time zones need not be of one age.
    """
    rows = await db.rows(
        """
        select p.account_id, p.followed_on, a.time_zone,
               exists (select from changes c where c.account_id = p.account_id and c.position > p.position)
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
        # An account of a zone that nobody knows is due on no day that it followed, and has the fault by itself.
        with suppress(ZoneInfoNotFoundError, ValueError):
            days[zone] = now.astimezone(ZoneInfo(zone)).date()
    return [row["account_id"] for row in rows if row["is_waiting"] or row["followed_on"] != days[row["time_zone"]]]
