"""Topics of the change log about trackers."""

import msgspec

from fanfare.kernel.data.announcements import Fields, Topic


class OfTracker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tracker of a click."""

    tracker_id: int


TRACKER_CREATED = Topic("tracker.created", "A tracker was created.", "tracker_id")
TRACKER_UPDATED = Topic("tracker.updated", "Fields of a tracker changed.", "tracker_id", data=Fields)
TRACKER_DELETED = Topic("tracker.deleted", "A tracker was deleted.", "tracker_id")
TRACKER_CLICKED = Topic("tracker.clicked", "A fan clicked a tracker.", "click_id", "always", OfTracker)
TRACKER_EVENT_CREATED = Topic(
    "tracker_event.created", "A sale was recorded; the fan is its buyer, when known.", "event_id", "sometimes"
)
TRACKER_EVENT_UPDATED = Topic(
    "tracker_event.updated",
    "A reported sale was replaced by a report of the same order whose click is credited.",
    "event_id",
    "sometimes",
)
TRACKER_SETTINGS_UPDATED = Topic("tracker_settings.updated", "The rule changed by which sales are attributed.", "")
TRACKER_DOMAIN_CREATED = Topic("tracker_domain.created", "A virtual domain was added.", "domain_id")
TRACKER_DOMAIN_UPDATED = Topic(
    "tracker_domain.updated", "The DNS and TLS of a virtual domain were checked.", "domain_id"
)
TRACKER_DOMAIN_DELETED = Topic("tracker_domain.deleted", "A virtual domain was removed.", "domain_id")
