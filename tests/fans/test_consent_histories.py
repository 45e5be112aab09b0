"""S15: whatever is said through whichever door in whatever order, the flags are what the plain oracle says.

The oracle replays the words in the order of the moments they were given, a yes before a no of the same moment. The seed
is printed; FANFARE_SEED repeats one. `make faults` (FANFARE_FAULTS=full) tells 100,000 histories: 1,000 of ten steps by
every door, call by call, and 99,000 of five words by the door that takes many lines at once, since a call for each word
would take hours.
"""

import asyncio
import os
import random
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.seeds import run_seed

SEED = run_seed(11)
IS_FULL = os.environ.get("FANFARE_FAULTS") == "full"
HISTORIES = 1_000 if IS_FULL else 48
AT_ONCE, STEPS = 8, 10
# Histories of so many words each, which arrive mixed in calls of so many lines; a few merge, part or end between two
# calls.
CROWD, CROWDS, CROWDS_AT_ONCE = 100, 990 if IS_FULL else 2, 3
WORDS, LINES, TURNS = 5, 100, 2
FLAGS = {"email": "is_subscribed", "phone": "is_phone_subscribed"}
OLDEST = datetime(2019, 1, 1, tzinfo=UTC)


class Statement(NamedTuple):
    """A word: email, phone, everything or a business by its id; yes or no; the moment it was given."""

    channel: str
    is_granted: bool
    moment: datetime


class Flags(NamedTuple):
    """What a fan's words come to."""

    email: bool
    phone: bool
    is_out: bool
    businesses: frozenset[str]


def oracle(words: list[Statement]) -> Flags:
    """Replay the words as if each had been heard when it was given."""
    on: dict[str, bool] = {}
    is_out = False
    for channel, is_granted, _ in sorted(words, key=lambda word: (word.moment, not word.is_granted)):
        if channel != "everything":
            on[channel] = is_granted
        elif not is_granted:
            on = dict.fromkeys(on, False)
        is_out = not is_granted if channel == "everything" else is_out and not is_granted
    businesses = frozenset(channel for channel, flag in on.items() if flag and channel not in FLAGS)
    return Flags(on.get("email", False), on.get("phone", False), is_out, businesses)


class History:
    """What is said by two people, who may become one fan and be parted again, and may be erased."""

    def __init__(self, api: Api, chance: random.Random, businesses: list[int]) -> None:
        self.api = api
        self.chance = chance
        self.businesses = businesses
        self.mails = [f"{uuid.uuid4().hex}@example.com" for _ in range(2)]
        self.fans: list[int | None] = [None, None]
        self.words: list[list[Statement]] = [[], []]
        # the words that the second brought into the first
        self.brought: list[Statement] | None = None
        self.erased: list[datetime | None] = [None, None]

    async def post(self, path: str, **values: Any) -> Any:
        return await self.api.ok(await self.api.post(f"/api/v1/{path}", **values))

    def moment(self) -> datetime:
        """Return a moment of the past; few, so that some are the same."""
        return OLDEST + timedelta(days=self.chance.randrange(40) * 50)

    def flags(self, names: dict[str, str]) -> dict[str, bool]:
        return {name: self.chance.random() < 0.5 for name in names.values() if self.chance.random() < 0.6}

    async def live(self) -> None:
        doors: list[Callable[[int], Awaitable[None]]] = [
            self.makes, self.changes, self.buys, self.buys_many, self.registers, self.plays, self.joins, self.leaves,
        ]  # fmt: skip
        for _ in range(STEPS):
            door = self.chance.choice(doors)
            await door(self.chance.randrange(2))

    def heard(self, person: int, fan_id: int, words: dict[str, bool], moment: datetime) -> None:
        """Note what was said of a person; of one who comes back after an erasure, the no that it left first."""
        owner = 0 if self.brought is not None else person
        if self.fans[owner] is None and (erased := self.erased[person]):
            self.words[owner].append(Statement("everything", is_granted=False, moment=erased))
        assert self.fans[owner] in (None, fan_id)
        self.fans[owner] = fan_id
        names = {flag: channel for channel, flag in FLAGS.items()}
        for name, flag in words.items():
            channel = names.get(name, name.removeprefix("business_"))
            word = (
                Statement("everything", not flag, moment) if name == "is_optout" else Statement(channel, flag, moment)
            )
            self.words[owner].append(word)

    async def makes(self, person: int) -> None:
        words, moment = self.flags(FLAGS), self.moment()
        created = await self.post("crm/fans", email=self.mails[person], consent_timestamp=moment.isoformat(), **words)
        self.heard(person, created["fan_id"], words, moment)

    async def changes(self, person: int) -> None:
        fan_id = self.fans[0 if self.brought is not None else person]
        if fan_id is None:
            return
        words = self.flags(FLAGS | {"out": "is_optout"} | {str(each): f"business_{each}" for each in self.businesses})
        moment = self.moment() if self.chance.random() < 0.7 else datetime.now(UTC)
        await self.post(f"crm/fans/{fan_id}", consent_timestamp=moment.isoformat(), **words)
        self.heard(person, fan_id, words, moment)

    def ticket(self, fan: int, moment: datetime) -> dict[str, Any]:
        event = {"event_name": "Final", "event_date": "2027-06-20", "event_key": "final"}
        person = {"first_name": "A", "last_name": "B", "email": self.mails[fan]}
        return {"paid_amount": 5, "num_seats": 1, "purchase_timestamp": moment.isoformat(), **event, **person}

    async def buys(self, person: int) -> None:
        words, moment = self.flags(FLAGS), self.moment()
        sold = await self.post("crm/tickets", **self.ticket(person, moment), **words)
        self.heard(person, sold["fan_id"], words, moment)

    def line(self) -> "Line":
        return Line(self, self.chance.randrange(2), self.flags(FLAGS), self.moment())

    async def buys_many(self, _: int) -> None:
        await sell(self.api, [self.line() for _ in range(4)])

    async def registers(self, fan: int) -> None:
        words, moment = self.flags(FLAGS), self.moment()
        fan_id = self.fans[0 if self.brought is not None else fan]
        person = {"first_name": "A", "last_name": "B", "email": self.mails[fan], "registration_key": uuid.uuid4().hex}
        event = {"event_name": "Final", "event_date": "2027-06-20", "network": "gate"}
        values = {"registration_timestamp": moment.isoformat(), **person, **event, **words}
        if fan_id is not None and self.chance.random() < 0.5:
            await self.post(f"crm/fans/{fan_id}/registrations", **values)
        else:
            fan_id = (await self.post("crm/registrations", **values))["fan_id"]
        self.heard(fan, fan_id, words, moment)

    async def plays(self, person: int) -> None:
        words = self.flags(FLAGS)
        moment = datetime.now(UTC)
        (played,) = await self.post("crm/activities", email=self.mails[person], campaign_title="Quiz", **words)
        self.heard(person, played["fan_id"], words, moment)

    async def joins(self, _: int) -> None:
        """Merge the two, or part them: what came since stays with the first."""
        first, second = self.fans
        if first is None or second is None:
            return
        if self.brought is None:
            await self.post(f"manage/fans/{first}/merge", merged_fan_id=second)
            self.brought = self.words[1]
            self.words[0] = self.words[0] + self.brought
        else:
            await self.post(f"manage/fans/{first}/unmerge", merged_fan_id=second)
            theirs = {id(word) for word in self.brought}
            self.words = [[word for word in self.words[0] if id(word) not in theirs], self.brought]
            self.brought = None

    async def leaves(self, person: int) -> None:
        fan_id = self.fans[person]
        if fan_id is None or self.brought is not None or self.chance.random() < 0.5:
            return
        old = datetime.now(UTC)
        await self.api.ok(await self.api.delete(f"/api/v1/crm/fans/{fan_id}"))
        # The words of before are younger by nothing that was said since.
        self.erased[person], self.fans[person], self.words[person] = old, None, []

    def expected(self) -> dict[int, Flags]:
        """Return the fans who are there by now with their flags."""
        there = [0] if self.brought is not None else [0, 1]
        return {fan_id: oracle(self.words[person]) for person in there if (fan_id := self.fans[person]) is not None}


class Line(NamedTuple):
    """A ticket of somebody in a history, with what is said along with it."""

    history: History
    person: int
    words: dict[str, bool]
    moment: datetime


async def sell(api: Api, lines: list[Line]) -> None:
    """Sell tickets to people of any histories in one call."""
    tickets = [{**each.history.ticket(each.person, each.moment), **each.words} for each in lines]
    sold = await api.ok(await api.post("/api/v1/crm/tickets/bulk", tickets=tickets))
    for each, row in zip(lines, sold, strict=True):
        each.history.heard(each.person, row["fan_id"], each.words, each.moment)


FLAGS_OF_FANS = """
    select f.fan_id, f.is_subscribed, f.is_phone_subscribed, f.is_optout,
           array(select b.business_id::text from fan_businesses b
                 where b.account_id = $1 and b.fan_id = f.fan_id and b.is_opted_in) as businesses
    from fans f where f.account_id = $1 and f.fan_id = any($2::bigint[])
"""


async def hold_to_the_oracle(api: Api, db: Db, histories: list[History]) -> None:
    """Compare the flags of everybody in some histories with what their words come to."""
    expected = {fan_id: flags for each in histories for fan_id, flags in each.expected().items()}
    rows = await db.rows(FLAGS_OF_FANS, api.account_id, list(expected))
    result = {row[0]: Flags(row[1], row[2], row[3], frozenset(row[4])) for row in rows}
    assert result == expected, SEED


async def test_the_flags_are_what_the_words_come_to_by_every_door(api: Api, db: Db) -> None:
    chance = random.Random(SEED)
    businesses = [
        (await api.ok(await api.post("/api/v1/manage/businesses", business_name=uuid.uuid4().hex)))["business_id"]
        for _ in range(2)
    ]
    for _ in range(HISTORIES // AT_ONCE):
        histories = [History(api, random.Random(chance.random()), businesses) for _ in range(AT_ONCE)]
        await asyncio.gather(*(each.live() for each in histories))
        await hold_to_the_oracle(api, db, histories)


async def a_crowd(api: Api, db: Db, chance: random.Random) -> None:
    """Tell the words of many histories in one random order, some of which merge, part or end in between."""
    histories = [History(api, random.Random(chance.random()), []) for _ in range(CROWD)]
    lines = [each.line() for each in histories for _ in range(WORDS)]
    chance.shuffle(lines)
    for first in range(0, len(lines), LINES):
        await sell(api, lines[first : first + LINES])
        for each in chance.sample(histories, TURNS):
            await chance.choice([each.joins, each.leaves])(chance.randrange(2))
    await hold_to_the_oracle(api, db, histories)


async def test_the_flags_are_what_the_words_of_a_crowd_come_to(api: Api, db: Db) -> None:
    chance = random.Random(SEED)
    remaining = [random.Random(chance.random()) for _ in range(CROWDS)]

    async def tell() -> None:
        while remaining:
            await a_crowd(api, db, remaining.pop())

    async with asyncio.TaskGroup() as group:
        for _ in range(CROWDS_AT_ONCE):
            group.create_task(tell())
