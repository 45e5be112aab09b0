"""What messages announce."""

import msgspec

from fanfare.kernel.data.announcements import Topic


class OnChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the message goes: `email` or `sms`."""

    channel: str


class Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the message goes, and whether it may have arrived all the same."""

    channel: str
    is_unconfirmed: bool


MESSAGE_CREATED = Topic(
    "message.created", "A message to a fan or to an address waits to be sent.", "message_id", "sometimes", OnChannel
)
MESSAGE_SENT = Topic(
    "message.sent", "The gateway took over a message.", "message_id", "sometimes", OnChannel
)  # fmt: skip
MESSAGE_FAILED = Topic(
    "message.failed", "A message was given up; it is not sent again.", "message_id", "sometimes", Refused
)
MESSAGE_BOUNCED = Topic(
    "message.bounced", "A message came back: its address cannot be reached.", "message_id", "sometimes", OnChannel
)
MESSAGE_REPORTED = Topic(
    "message.reported", "The recipient reported a message as unwanted.", "message_id", "sometimes", OnChannel
)
MESSAGE_TEMPLATE_CREATED = Topic("message_template.created", "A template was written.", "template_id")
MESSAGE_TEMPLATE_UPDATED = Topic("message_template.updated", "A template was changed.", "template_id")
MESSAGE_TEMPLATE_DELETED = Topic("message_template.deleted", "A template was deleted.", "template_id")
SUPPRESSION_CREATED = Topic(
    "suppression.created", "An address gets no messages any more.", "suppression_id", "never", OnChannel
)
SUPPRESSION_DELETED = Topic(
    "suppression.deleted", "An address may get messages again.", "suppression_id", "never", OnChannel
)
SENDER_UPDATED = Topic(
    "sender.updated", "Who messages of the account or of a business come from was set or checked.", "sender_id"
)
SENDER_DELETED = Topic(
    "sender.deleted", "A sender was deleted; messages come from the account's or the operator's.", "sender_id"
)
