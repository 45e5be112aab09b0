"""What passkeys announce."""

from fanfare.kernel.data.announcements import Fields, Topic

PASSKEY_CREATED = Topic("passkey.created", "A fan added a passkey to log in with.", "passkey_id", "always")
PASSKEY_UPDATED = Topic("passkey.updated", "A fan renamed a passkey.", "passkey_id", "always", Fields)
PASSKEY_DELETED = Topic("passkey.deleted", "A passkey of a fan was removed.", "passkey_id", "always")
PASSKEY_ORIGIN_CREATED = Topic(
    "passkey_origin.created", "Passkeys may be used at one more origin.", "passkey_origin_id"
)  # fmt: skip
PASSKEY_ORIGIN_DELETED = Topic(
    "passkey_origin.deleted", "Passkeys may no longer be used at an origin.", "passkey_origin_id"
)
