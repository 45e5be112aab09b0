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
