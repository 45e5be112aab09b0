"""The protocol between servers and index processes: MessagePack after a length of four bytes, over a Unix socket."""

import asyncio

import msgspec

from fanfare.search.criteria.plans import Plan
from fanfare.search.schemas.sets import FanSet
from fanfare.search.schemas.stats import FilterStats, SegmentStatus

LENGTH = 4
MAX_BYTES = 16_000_000


class StatsOptions(msgspec.Struct, frozen=True):
    """The parameters of statistics.

    `age_groups` are ordered by age, each with its lowest and highest age (None: no limit) and the ordinal of the first
    birth date that is too late for the next group. Activity from the day `recent_day` (ordinal) on counts as recent.
    """

    age_groups: list[tuple[int, int | None, int]]
    recent_day: int
    max_places: int
    max_areas: int


class FansQuery(msgspec.Struct, frozen=True, tag=True):
    """Asks for the number of fans for whom a plan holds. Days are in `zone`.

    With `stats` for their statistics, with `has_reach` for how many can be reached, which is a small part of these.
    """

    account_id: int
    zone: str
    plan: Plan
    stats: StatsOptions | None = None
    has_reach: bool = False


class MembersQuery(msgspec.Struct, frozen=True, tag=True):
    """Asks for which of some fans each of several plans holds. Days are in `zone`."""

    account_id: int
    zone: str
    plans: list[Plan]
    fan_ids: list[int]


class SetQuery(msgspec.Struct, frozen=True, tag=True):
    """Asks for the set of the fans for whom a plan holds, at most `max_count` of them, and its first ids."""

    account_id: int
    zone: str
    plan: Plan
    first_count: int
    max_count: int


class NextQuery(msgspec.Struct, frozen=True, tag=True):
    """Asks for the fans after one of them for whom a plan holds, in the order of their ids, at most `limit`."""

    account_id: int
    zone: str
    plan: Plan
    last_fan_id: int
    limit: int


Query = FansQuery | MembersQuery | SetQuery | NextQuery


class Answer(msgspec.Struct, frozen=True):
    """The result of a query: a count, reach, statistics, ids by plan, or a set. All None: the index cannot answer.

    Those of a NextQuery are ids of its one plan.
    """

    count: int | None = None
    reach: SegmentStatus | None = None
    statistics: FilterStats | None = None
    matches: list[list[int]] | None = None
    fan_set: FanSet | None = None


async def receive(reader: asyncio.StreamReader) -> bytes:
    """Return the next message.

    Raises `asyncio.IncompleteReadError` at the end of the stream, `ConnectionResetError` for a too long message.
    """
    length = int.from_bytes(await reader.readexactly(LENGTH), "big")
    if length > MAX_BYTES:
        raise ConnectionResetError
    return await reader.readexactly(length)


async def send(writer: asyncio.StreamWriter, message: Query | Answer) -> None:
    """Encode and send a message."""
    data = msgspec.msgpack.encode(message)
    writer.write(len(data).to_bytes(LENGTH, "big") + data)
    await writer.drain()
