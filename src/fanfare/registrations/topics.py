"""Topics of the change log about registrations, scans and passes."""

import msgspec

from fanfare.kernel.data.announcements import Topic


class OfCampaign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The campaign of a pass or a section."""

    page_tab_id: int


class SectionFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The campaign of a section, and the names of the fields that changed."""

    page_tab_id: int
    fields: list[str]


REGISTRATION = "network:registration_key"

REGISTRATION_CREATED = Topic("registration.created", "A fan registered a wristband or ticket.", REGISTRATION, "always")
REGISTRATION_UPDATED = Topic("registration.updated", "A registration was sent again.", REGISTRATION, "always")
REGISTRATION_DELETED = Topic(
    "registration.deleted", "A registration was deleted by the undo of an import.", REGISTRATION, "sometimes"
)
SCAN_CREATED = Topic("scan.created", "A wristband, ticket or pass was scanned.", "scan_key")
PASS_SECTION_CREATED = Topic("pass_section.created", "A section of passes was created.", "section_uid", data=OfCampaign)
PASS_SECTION_UPDATED = Topic(
    "pass_section.updated", "Fields of a section of passes changed.", "section_uid", data=SectionFields
)
PASS_CREATED = Topic(
    "pass.created", "A pass was created; the fan is its holder, if any.", "pass_uid", "sometimes", OfCampaign
)
PASS_UPDATED = Topic("pass.updated", "The event of a pass changed.", "pass_uid", "sometimes")
PASS_CLAIMED = Topic("pass.claimed", "A fan claimed a pass.", "pass_uid", "always")
PASS_TRANSFERRED = Topic(
    "pass.transferred", "A pass was transferred to a fan and got a new code.", "pass_uid", "always"
)
PASS_CANCELLED = Topic("pass.cancelled", "A pass was cancelled.", "pass_uid", "sometimes")
PASS_CHECKED_IN = Topic("pass.checked_in", "A pass was checked in.", "pass_uid", "sometimes")
