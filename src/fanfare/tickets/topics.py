"""Topics of the change log about tickets and ticket events."""

from uuid import UUID

import msgspec

from fanfare.kernel.data.announcements import Fields, OptionalFields, Topic


class ForEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ticket event of a ticket."""

    event_uid: UUID


TICKET_CREATED = Topic("ticket.created", "A fan bought a ticket.", "ticket_id", "always", ForEvent)
TICKET_UPDATED = Topic("ticket.updated", "Fields of a ticket changed.", "ticket_id", "always", Fields)
TICKET_DELETED = Topic(
    "ticket.deleted",
    "A ticket was marked as deleted, or deleted by the undo of an import.",
    "ticket_id",
    "always",
    Fields,
)
TICKET_EVENT_CREATED = Topic("ticket_event.created", "A ticket event was created.", "event_uid")
TICKET_EVENT_UPDATED = Topic(
    "ticket_event.updated", "Fields of a ticket event changed.", "event_uid", data=OptionalFields
)
TICKET_EVENT_DELETED = Topic("ticket_event.deleted", "A ticket event was deleted.", "event_uid")
