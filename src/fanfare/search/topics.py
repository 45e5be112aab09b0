"""Topics of filters, snapshots and members, which `segments` announces; here, since the search reads them too."""

import msgspec

from fanfare.kernel.data.announcements import OptionalFields, Topic


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of fans in the segment."""

    member_count: int


FILTER_CREATED = Topic("filter.created", "A filter was stored.", "filter_uid")
FILTER_UPDATED = Topic("filter.updated", "A filter changed.", "filter_uid", data=OptionalFields)
FILTER_DELETED = Topic("filter.deleted", "A filter was deleted.", "filter_uid")
SNAPSHOT_CREATED = Topic("snapshot.created", "A list of fans was frozen.", "snapshot_uid")
SNAPSHOT_UPDATED = Topic("snapshot.updated", "A frozen list of fans got another name.", "snapshot_uid")
SNAPSHOT_DELETED = Topic("snapshot.deleted", "A frozen list of fans was deleted.", "snapshot_uid")
SEGMENT_BUILT = Topic(
    "segment.built", "The first members of a filter were found; they are not announced one by one.",
    "filter_uid", data=Counted,
)  # fmt: skip
SEGMENT_ENTERED = Topic("segment.entered", "A fan became a member of a filter.", "filter_uid", "always")
SEGMENT_LEFT = Topic("segment.left", "A fan is no longer a member of a filter.", "filter_uid", "always")
