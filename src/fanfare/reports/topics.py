"""Topics of the change log about reports."""

import uuid

import msgspec

from fanfare.kernel.data.announcements import Topic


class OfReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The report of a link."""

    report_uid: uuid.UUID


REPORT_CREATED = Topic("report.created", "A report was created.", "report_uid")
REPORT_DELETED = Topic("report.deleted", "A report was deleted, with its links.", "report_uid")
REPORT_LINK_CREATED = Topic(
    "report_link.created", "A report was shared by a link.", "report_link_id", data=OfReport
)  # fmt: skip
REPORT_LINK_DELETED = Topic("report_link.deleted", "A link to a report was ended.", "report_link_id", data=OfReport)
