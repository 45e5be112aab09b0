"""The demo's segments: filters that refer to each other and have groups, with two months of history, and snapshots."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.parameters import read
from fanfare.segments.actions.filters import create_filter
from fanfare.segments.actions.members import keep_members
from fanfare.segments.actions.snapshots import create_snapshot
from fanfare.segments.schemas.filters import NewFilter, NewSnapshot

# The members are found as of these days before today, so that some enter and leave.
DAYS_AGO = (60, 45, 30, 21, 14, 7, 2, 0)
SEASON, FESTIVAL = "Season tickets", "Festival"
DemoFilter = tuple[str, str, Mapping[str, Any]]
FILTERS: tuple[DemoFilter, ...] = (
    ("Season ticket holders", SEASON, {"fan_tags": ["Season ticket holder"]}),
    ("Lapsing", SEASON, {"crm_inactive_days": 60, "fan_is_optout": False}),
    ("Local families", SEASON, {
        "fan_provinces": ["BC"],
        "groups": [{"any": [{"fan_tags": ["Family stand"]}, {"fan_tags": ["Junior parent"]}]}],
    }),
    ("Club and festival", FESTIVAL, {
        "groups": [
            {"all": [
                {"any": [{"fan_tags": ["Season ticket holder"]}, {"fan_tags": ["Derby attendee"]}]},
                {"fan_tags": ["Weekend pass", "Day pass"]},
            ]},
            {"none": [{"fan_tags": ["Guest list"]}, {"fan_tags": ["Festival volunteer"]}]},
        ],
    }),
)  # fmt: skip
SNAPSHOTS = (("Season ticket holders", "Season ticket holders at kick-off"), ("Lapsing", "Autumn letter"))


def _referring_filters(season: uuid.UUID, lapsing: uuid.UUID) -> list[DemoFilter]:
    """Return filters that refer to two others."""
    pair = [{"fan_incl_segments": [f"filter:{each}"]} for each in (season, lapsing)]
    young = {"fan_oldest_age": 30, "fan_is_subscribed": True, "fan_excl_segments": [f"filter:{season}"]}
    return [
        ("Season ticket holders, lapsing", SEASON, {"groups": [{"all": pair}]}),
        ("Young, by email, no season ticket", FESTIVAL, young),
    ]


async def make_segments(db: Db, account: Account, now: datetime) -> None:
    """Create the filters and let time pass for their members, then freeze two of them."""
    start = now - timedelta(days=DAYS_AGO[0])
    uids = await _create(db, account, FILTERS, start)
    await _create(db, account, _referring_filters(uids["Season ticket holders"], uids["Lapsing"]), start)
    for days in DAYS_AGO:
        while await keep_members(db, account, now - timedelta(days=days)):
            pass
    for name, snapshot_name in SNAPSHOTS:
        await create_snapshot(db, account, NewSnapshot(snapshot_name=snapshot_name, filter_uid=uids[name]), now)


async def _create(db: Db, account: Account, filters: Iterable[DemoFilter], now: datetime) -> dict[str, uuid.UUID]:
    """Create filters and return their uids by name."""
    uids = {}
    for name, group_name, criteria in filters:
        raw = {"filter_name": name, "group_name": group_name, **criteria}
        new = read(NewFilter, {field: [value] for field, value in raw.items()})
        uids[name] = await create_filter(db, account, new, now)
    return uids
