"""Topics of the change log about idols, their events and followers."""

import msgspec

from fanfare.kernel.data.announcements import OptionalFields, Topic


class LinkData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the fan chose the idol, or the link was inferred."""

    is_explicit: bool


IDOL_CREATED = Topic("idol.created", "An idol was created, by a call of its own or by its name.", "idol_uid")
IDOL_UPDATED = Topic("idol.updated", "An idol changed.", "idol_uid", data=OptionalFields)
IDOL_DELETED = Topic("idol.deleted", "An idol was deleted; nobody follows it any more.", "idol_uid")
IDOL_EVENT_CREATED = Topic("idol_event.created", "An event of an idol was created.", "event_uid")
IDOL_EVENT_UPDATED = Topic("idol_event.updated", "An event of an idol changed.", "event_uid")
IDOL_EVENT_DELETED = Topic("idol_event.deleted", "An event of an idol was deleted.", "event_uid")
FAN_IDOL_ADDED = Topic("fan_idol.added", "A fan follows an idol.", "idol_uid", "always", LinkData)
FAN_IDOL_REMOVED = Topic("fan_idol.removed", "A fan no longer follows an idol.", "idol_uid", "always")
