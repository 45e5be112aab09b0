"""The demo's points programme: quiz answers and festival gates earn points, fans spend them on rewards, and vote."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from fanfare.demo.book import Book, Fan
from fanfare.demo.programme import YEARS, DemoCampaign
from fanfare.kernel.data.db import Db
from fanfare.points.actions.categories import create_point
from fanfare.points.schemas.points import NewPoint
from fanfare.points.topics import POINTS_AWARDED
from fanfare.props.actions import save
from fanfare.props.schemas import NewProp

TABLES = {
    "fan_points": """account_id fan_point_id fan_point_uid fan_id point_uid point_count point_source page_tab_id
        activity_id award_key ip_address created_at""",
    "hidden_fans": "account_id fan_id created_at",
}
CATEGORIES = (("Harbour points", "For quizzes of the club"), ("Tideline tokens", "For a day at the festival's gate"))
POINTS_PER_ANSWER, POINTS_PER_GATE = 10, 25
REWARDS = ((60, "Pin set"), (120, "Scarf"), (250, "Stadium tour"), (400, "Signed ball"))
VOTES = {"Okafor": 412, "Lindqvist": 287, "Moreau": 166}
HIDES, SPENDS = 0.004, 0.05
CAMPAIGN, ACTIVITY = 0, 1

# What the statement that awards points maintains for each award (points.actions.standings), for all of them at once.
INSERT_STANDINGS = """
    with boards as (
        select account_id, 'point:' || point_uid as board, fan_id, point_count, reward_uid
        from fan_points where account_id = $1
        union all
        select account_id, 'campaign:' || page_tab_id, fan_id, point_count, reward_uid from fan_points
        where account_id = $1 and page_tab_id is not null
    ),
    inserted as (
        insert into standings (account_id, board, fan_id, total, award_count, gain)
        select account_id, board, fan_id, sum(point_count)::bigint, count(*),
               sum(case when reward_uid is null then greatest(point_count, 0) else 0 end)::bigint
        from boards group by 1, 2, 3
        returning account_id, board, total
    )
    insert into standing_buckets (account_id, board, level, bucket, fan_count)
    select account_id, board, level, standing_bucket(total) >> (7 * level), count(*)
    from inserted cross join generate_series(0, 1) as levels (level) group by 1, 2, 3, 4
"""


class Spent(NamedTuple):
    """A fan wants a reward, and gets it if they have enough points by then."""

    reward: int


class Hidden(NamedTuple):
    """A fan wants to be on no public leaderboard."""


async def make_points(db: Db, account_id: int, now: datetime) -> list[UUID]:
    """Create the categories."""
    return [
        await create_point(db, account_id, NewPoint(point_name=name, description=description), now - YEARS)
        for name, description in CATEGORIES
    ]


async def make_polls(db: Db, account_id: int, now: datetime) -> None:
    """Store the votes of a poll."""
    await save(db, account_id, NewProp(prop_name="man-of-the-match", props=VOTES), now)


def earning(programme: Sequence[DemoCampaign]) -> dict[int, int]:
    """Return the category of points of each campaign that awards some, by its index in the programme."""
    quizzes = {place: 0 for place, each in enumerate(programme) if each.app_type == "quiz"}
    return quizzes | {place: 1 for place, each in enumerate(programme) if "gate check-in" in each.title}


class Loyalty:
    """Awards points in order of time, so that nobody spends points they do not have."""

    def __init__(self, book: Book, programme: Sequence[DemoCampaign], seed: int) -> None:
        self.book = book
        self.chance = Random(f"{seed} bookings")  # noqa: S311 - reproducible sample data
        self.earning = earning(programme)
        self.balances: dict[int, int] = defaultdict(int)
        self.handlers: dict[type, Callable[[Fan, Any, str], None]] = {Spent: self._spent, Hidden: self._hidden}

    def earned(self, fan: Fan, place: int, activity_id: int, props: dict[str, Any], stamp: str) -> None:
        """Award the points for an entry in a campaign, if any."""
        category = self.earning.get(place)
        if category is None:
            return
        count = POINTS_PER_GATE if category else POINTS_PER_ANSWER * int(props["correct_count"])
        if count:
            references = (self.book.ids.campaigns[place], activity_id)
            self._book(fan, category, count, ("check-in" if category else "quiz", *references), stamp)

    def _spent(self, fan: Fan, spent: Spent, stamp: str) -> None:
        price, reward = REWARDS[spent.reward]
        if self.balances[fan.fan_id] >= price:
            self._book(fan, 0, -price, (f"reward: {reward}", None, None), stamp)

    def _hidden(self, fan: Fan, _: Hidden, stamp: str) -> None:
        self.book.tables["hidden_fans"].append((self.book.ids.account_id, fan.fan_id, stamp))

    def _book(
        self, fan: Fan, category: int, count: int, reason: tuple[str, int | None, int | None], stamp: str
    ) -> None:
        source, page_tab_id, activity_id = reason
        ids, uid = self.book.ids, str(UUID(int=self.chance.getrandbits(128), version=4))
        point_uid = ids.points[category]
        data = b'{"point_uid":"%s","point_count":%d}' % (str(point_uid).encode(), count)
        position = self.book.announce(POINTS_AWARDED, uid, fan.fan_id, stamp, data)
        key = None if activity_id is None else f"activity-{activity_id}"
        self.book.tables["fan_points"].append(
            (ids.account_id, position, uid, fan.fan_id, point_uid, count, source, page_tab_id, activity_id, key,
             fan.person.ip_address, stamp)
        )  # fmt: skip
        if category == 0:
            self.balances[fan.fan_id] += count
