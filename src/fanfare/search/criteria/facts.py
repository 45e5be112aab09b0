"""What criteria read of a fan beside its own columns, and what each topic of the change log may have changed of it.

A fan's own columns are named as the change log names them in `fields`.
A fan is looked at again by the filters whose criteria read what was touched, and by no others. A topic that is not
told here touches everything of its fan, so a new one costs time until it is told, and misses nothing.
"""

from collections.abc import Iterable

from fanfare.campaigns.topics import ACTIVITY_CREATED
from fanfare.fans.topics import (
    CONSENT_GIVEN,
    CONSENT_WITHDRAWN,
    FAN_IDENTIFIED,
    FAN_UNIDENTIFIED,
    FAN_UPDATED,
    TAG_ADDED,
    TAG_REMOVED,
)
from fanfare.idols.topics import FAN_IDOL_ADDED, FAN_IDOL_REMOVED
from fanfare.kernel.data.announcements import names, topics_of
from fanfare.kernel.data.changes import Change
from fanfare.points.topics import POINTS_AWARDED
from fanfare.purchases import topics as purchases
from fanfare.search.topics import SEGMENT_ENTERED, SEGMENT_LEFT
from fanfare.tickets import topics as tickets

ACTIVITY, TAG, IDENTITY, IDOL, SNAPSHOT, TICKET = "activity", "tag", "identity", "idol", "snapshot", "ticket"
EVERYTHING = "everything"

CONSENT = frozenset({"is_subscribed", "is_phone_subscribed", "is_optout"})
NOTHING = frozenset[str]()
TOUCHES: dict[str, frozenset[str]] = {
    ACTIVITY_CREATED.name: frozenset({ACTIVITY}),
    **dict.fromkeys(names([TAG_ADDED, TAG_REMOVED]), frozenset({TAG})),
    **dict.fromkeys(names([FAN_IDOL_ADDED, FAN_IDOL_REMOVED]), frozenset({IDOL})),
    **dict.fromkeys(names([FAN_IDENTIFIED, FAN_UNIDENTIFIED]), frozenset({IDENTITY})),
    **dict.fromkeys(names([CONSENT_GIVEN, CONSENT_WITHDRAWN]), CONSENT),
    **dict.fromkeys(names(topics_of(tickets)), frozenset({TICKET})),
    **dict.fromkeys(names([SEGMENT_ENTERED, SEGMENT_LEFT, POINTS_AWARDED, *topics_of(purchases)]), NOTHING),
}


def touches(change: Change) -> frozenset[str]:
    """Return what a change may have changed of its fans."""
    if change.topic == FAN_UPDATED.name and change.data.get("fields"):
        return frozenset(change.data["fields"])
    return TOUCHES.get(change.topic, frozenset({EVERYTHING}))


def fans_of(change: Change) -> set[int]:
    """Return the fans that a change is about: both of a merge."""
    found = {change.fan_id} if change.fan_id is not None else set()
    for name, value in change.data.items():
        if name.endswith(("fan_id", "fan_ids")):
            found |= {each for each in (value if isinstance(value, list) else [value]) if isinstance(each, int)}
    return found


def touched(changes: Iterable[Change]) -> dict[str, set[int]]:
    """Return the fans of some changes by what was touched of them."""
    found: dict[str, set[int]] = {}
    for change in changes:
        for each in touches(change):
            found.setdefault(each, set()).update(fans_of(change))
    return found
