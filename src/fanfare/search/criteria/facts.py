"""Facts: what criteria read of a fan, and which of it each topic of the change log may have changed.

A fact is a column of `fans`, as the change log names it in `fields`, or one of the names below. After a change only the
filters and parts of the index that read its facts evaluate the fan again. A topic that is not listed here changes
everything: it costs time but misses nothing.
"""

from collections.abc import Iterable

from fanfare.campaigns.topics import ACTIVITY_CREATED, ACTIVITY_DELETED
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
from fanfare.points.topics import POINTS_AWARDED, POINTS_DELETED
from fanfare.purchases import topics as purchases
from fanfare.search.topics import SEGMENT_ENTERED, SEGMENT_LEFT, SNAPSHOT_UPDATED
from fanfare.tickets import topics as tickets

ACTIVITY, TAG, IDENTITY, IDOL, SNAPSHOT, TICKET = "activity", "tag", "identity", "idol", "snapshot", "ticket"
EVERYTHING = "everything"

CONSENT = frozenset({"is_subscribed", "is_phone_subscribed", "is_optout"})
NOTHING = frozenset[str]()
FACTS_BY_TOPIC: dict[str, frozenset[str]] = {
    **dict.fromkeys(names([ACTIVITY_CREATED, ACTIVITY_DELETED]), frozenset({ACTIVITY})),
    **dict.fromkeys(names([TAG_ADDED, TAG_REMOVED]), frozenset({TAG})),
    **dict.fromkeys(names([FAN_IDOL_ADDED, FAN_IDOL_REMOVED]), frozenset({IDOL})),
    **dict.fromkeys(names([FAN_IDENTIFIED, FAN_UNIDENTIFIED]), frozenset({IDENTITY})),
    **dict.fromkeys(names([CONSENT_GIVEN, CONSENT_WITHDRAWN]), CONSENT),
    **dict.fromkeys(names(topics_of(tickets)), frozenset({TICKET})),
    **dict.fromkeys(
        names([SEGMENT_ENTERED, SEGMENT_LEFT, SNAPSHOT_UPDATED, POINTS_AWARDED, POINTS_DELETED, *topics_of(purchases)]),
        NOTHING,
    ),
}


def facts_changed(change: Change) -> frozenset[str]:
    """Return the facts that a change may have changed."""
    if change.topic == FAN_UPDATED.name and change.data.get("fields"):
        return frozenset(change.data["fields"])
    return FACTS_BY_TOPIC.get(change.topic, frozenset({EVERYTHING}))


def fans_of(change: Change) -> set[int]:
    """Return the ids of the fans that a change is about; a merge is about both fans."""
    result = {change.fan_id} if change.fan_id is not None else set()
    for name, value in change.data.items():
        if name.endswith(("fan_id", "fan_ids")):
            result |= {each for each in (value if isinstance(value, list) else [value]) if isinstance(each, int)}
    return result


def fans_by_fact(changes: Iterable[Change]) -> dict[str, set[int]]:
    """Return by fact the ids of the fans for whom changes may have changed it."""
    result: dict[str, set[int]] = {}
    for change in changes:
        for each in facts_changed(change):
            result.setdefault(each, set()).update(fans_of(change))
    return result
