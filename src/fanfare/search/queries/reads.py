"""What each criterion reads of a fan, and what each topic of the change log may have changed of it.

A fan is looked at again by the filters whose criteria read what was touched, and by no others. A topic that is not
told here touches everything of its fan, so a new one costs time until it is told, and misses nothing.
"""

from collections.abc import Iterable, Mapping

from fanfare.kernel.data.changes import Change
from fanfare.search.queries import stored
from fanfare.search.schemas.search import Criteria

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

TOUCHES: dict[str, frozenset[str]] = {
    "activity.created": frozenset({ACTIVITY}),
    "tag.added": frozenset({TAG}),
    "tag.removed": frozenset({TAG}),
    "fan_idol.added": frozenset({IDOL}),
    "fan_idol.removed": frozenset({IDOL}),
    "fan.identified": frozenset({IDENTITY}),
    "fan.unidentified": frozenset({IDENTITY}),
    "consent.given": frozenset({"is_subscribed", "is_phone_subscribed", "is_optout"}),
    "consent.withdrawn": frozenset({"is_subscribed", "is_phone_subscribed", "is_optout"}),
    **dict.fromkeys(("segment.entered", "segment.left"), frozenset[str]()),
    **dict.fromkeys(("points.awarded", "purchase.created", "purchase.changed", "purchase.matched"), frozenset[str]()),
}
TICKETS = ("ticket.", "ticket_event.")


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
    if change.topic.startswith(TICKETS):
        return frozenset({TICKET})
    if change.topic == "fan.updated" and change.data.get("fields"):
        return frozenset(change.data["fields"])
    return TOUCHES.get(change.topic, frozenset({EVERYTHING}))


def fans_of(change: Change) -> set[int]:
    """Return the fans that a change is about: both of a merge."""
    found = {change.fan_id} if change.fan_id is not None else set()
    for name, value in change.data.items():
        if name.endswith(("fan_id", "fan_ids")):
            found |= {each for each in (value if isinstance(value, list) else [value]) if isinstance(each, int)}
    if change.topic.startswith("fan.") and change.subject_id.isdecimal():
        found.add(int(change.subject_id))
    return found


def touched(changes: Iterable[Change]) -> dict[str, set[int]]:
    """Return the fans of some changes by what was touched of them."""
    found: dict[str, set[int]] = {}
    for change in changes:
        for each in touches(change):
            found.setdefault(each, set()).update(fans_of(change))
    return found
