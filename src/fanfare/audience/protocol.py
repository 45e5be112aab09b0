"""What a server asks an index process and how: length and MessagePack, over a socket of this machine."""

import asyncio

import msgspec

from fanfare.search.criteria.plans import Plan
from fanfare.search.schemas.stats import FilterStats

LENGTH = 4
MAX_BYTES = 16_000_000


class Ages(msgspec.Struct, frozen=True):
    """The groups of ages: each with its first and last age and the day's ordinal before which its youngest was born.

    The youngest group comes first. `recent` is the day from which on activity counts as recent.
    """

    groups: list[tuple[int, int | None, int]]
    recent: int
    most_places: int
    most_areas: int


class Question(msgspec.Struct, frozen=True, tag=True):
    """How many fans of an account a plan finds, or with `ages` their statistics; its days are days of the zone."""

    account_id: int
    zone: str
    plan: Plan
    ages: Ages | None = None


class Look(msgspec.Struct, frozen=True, tag=True):
    """Who of some fans of an account each of several plans finds; their days are days of the zone."""

    account_id: int
    zone: str
    plans: list[Plan]
    fan_ids: list[int]


class Answer(msgspec.Struct, frozen=True):
    """What was asked: a count, statistics, or the fans inside each plan; none when the index cannot tell."""

    count: int | None = None
    statistics: FilterStats | None = None
    matches: list[list[int]] | None = None


async def receive(reader: asyncio.StreamReader) -> bytes:
    """Return the next message; raises `asyncio.IncompleteReadError` at the end and `ConnectionError` for nonsense."""
    length = int.from_bytes(await reader.readexactly(LENGTH), "big")
    if length > MAX_BYTES:
        raise ConnectionResetError
    return await reader.readexactly(length)


async def send(writer: asyncio.StreamWriter, message: Question | Look | Answer) -> None:
    """Send a message."""
    data = msgspec.msgpack.encode(message)
    writer.write(len(data).to_bytes(LENGTH, "big") + data)
    await writer.drain()
