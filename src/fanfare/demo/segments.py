"""The demo's segments: filters that refer to each other and have groups, with two months of history, and snapshots."""

import uuid
from collections.abc import Mapping
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


def _filters(uids: Mapping[str, uuid.UUID]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return the filters that can be made by now: name, group, criteria."""
    season, lapsing = uids.get("Season ticket holders"), uids.get("Lapsing")
    tagged: list[tuple[str, str, Mapping[str, Any]]] = [
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
    ]  # fmt: skip
    if season is None or lapsing is None:
        return tagged
    return [
        ("Season ticket holders, lapsing", SEASON, {
            "groups": [{"all": [
                {"fan_incl_segments": [f"filter:{season}"]}, {"fan_incl_segments": [f"filter:{lapsing}"]},
            ]}],
        }),
        ("Young, by email, no season ticket", FESTIVAL, {
            "fan_oldest_age": 30, "fan_is_subscribed": True, "fan_excl_segments": [f"filter:{season}"],
        }),
    ]  # fmt: skip


async def make_segments(db: Db, account: Account, now: datetime) -> None:
    """Create the filters and let time pass for their members, then freeze two of them."""
    start = now - timedelta(days=DAYS_AGO[0])
    uids: dict[str, uuid.UUID] = {}
    for _ in range(2):
        for name, group_name, criteria in _filters(uids):
            raw = {"filter_name": name, "group_name": group_name, **criteria}
            new = read(NewFilter, {field: [value] for field, value in raw.items()})
            uids[name] = await create_filter(db, account, new, start)
    for days in DAYS_AGO:
        while await keep_members(db, account, now - timedelta(days=days)):
            pass
    for name, frozen in (("Season ticket holders", "Season ticket holders at kick-off"), ("Lapsing", "Autumn letter")):
        new_snapshot = NewSnapshot(snapshot_name=frozen, filter_uid=uids[name])
        await create_snapshot(db, account, new_snapshot, now)
