"""What each criterion reads of a fan, and what each topic of the change log may have changed of it.

A fan is looked at again by the filters whose criteria read what was touched, and by no others. A topic that is not
told here touches everything of its fan, so a new one costs time until it is told, and misses nothing.
"""

from collections.abc import Iterable, Mapping

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
from fanfare.search.queries import stored
from fanfare.search.schemas.search import Criteria
from fanfare.search.topics import SEGMENT_ENTERED, SEGMENT_LEFT
from fanfare.tickets import topics as tickets

ACTIVITY, TAG, IDENTITY, IDOL, SNAPSHOT, TICKET = "activity", "tag", "identity", "idol", "snapshot", "ticket"
EVERYTHING = "everything"

# A fan's own columns are named as the change log names them in `fields`.
READS: dict[str, frozenset[str]] = {
    "name": frozenset({"first_name", "last_name", "email"}),
    "crm_active_days": frozenset({ACTIVITY}),
    "crm_inactive_days": frozenset({ACTIVITY}),
    "crm_start_active_date": frozenset({ACTIVITY}),
    "crm_end_active_date": frozenset({ACTIVITY}),
    "fan_youngest_age": frozenset({"birth_date"}),
    "fan_oldest_age": frozenset({"birth_date"}),
    "fan_incl_snapshot_uids": frozenset({SNAPSHOT}),
    "fan_excl_snapshot_uids": frozenset({SNAPSHOT}),
    "fan_incl_segments": frozenset({TAG, SNAPSHOT}),
    "fan_excl_segments": frozenset({TAG, SNAPSHOT}),
    "fan_tags": frozenset({TAG}),
    "fan_networks": frozenset({IDENTITY, "email", "phone", "add_phone"}),
    "fan_is_subscribed": frozenset({"is_subscribed"}),
    "fan_is_optout": frozenset({"is_optout"}),
    "fan_is_phone_subscribed": frozenset({"is_phone_subscribed"}),
    "fan_postal_codes": frozenset({"postal_code"}),
    "fan_provinces": frozenset({"province"}),
    "fan_rating": frozenset({"rating"}),
    "fan_gender": frozenset({"gender"}),
    "fan_source": frozenset({"fan_source"}),
    "fan_metro_areas": frozenset({"metro_area"}),
    "fan_start_creation_date": frozenset({"created_at"}),
    "fan_end_creation_date": frozenset({"created_at"}),
    "idol_names": frozenset({IDOL}),
    # How others are meant: they read nothing by themselves.
    "fan_tag_relations": frozenset(),
    "idol_relations": frozenset(),
    **{name: frozenset({TICKET}) for name in Criteria.__struct_fields__ if name.startswith("ticket_")},
}

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


def reads(wanted: Criteria, among: Mapping[str, Criteria]) -> frozenset[str]:
    """Return what criteria read of a fan, with what the filters read that they refer to, by their uid."""
    found: set[str] = set()
    left, seen = [wanted], set[str]()
    while left:
        each = left.pop()
        for name in stored.kept(each):
            found |= READS[name]
        below = among.keys() & set(stored.filter_uids([each])) - seen
        seen |= below
        left += [among[uid] for uid in below]
    return frozenset(found)


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
