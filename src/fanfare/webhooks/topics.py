"""Topics of the change log about webhooks."""

import msgspec

from fanfare.kernel.data.announcements import Fields, Topic


class DisableReason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the endpoint said that it is gone, else it failed for five days."""

    is_gone: bool


WEBHOOK_CREATED = Topic("webhook.created", "An endpoint of a customer was registered.", "webhook_uid")
WEBHOOK_UPDATED = Topic("webhook.updated", "Fields of an endpoint changed, or its secret.", "webhook_uid", data=Fields)
WEBHOOK_DELETED = Topic("webhook.deleted", "An endpoint was deleted.", "webhook_uid")
WEBHOOK_DISABLED = Topic(
    "webhook.disabled", "An endpoint was disabled: it is gone, or failed for five days.", "webhook_uid",
    data=DisableReason,
)  # fmt: skip
WEBHOOK_TESTED = Topic("webhook.tested", "A test was sent to an endpoint, and to no other.", "webhook_uid")
