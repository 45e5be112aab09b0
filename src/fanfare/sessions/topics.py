"""What sessions announce."""

import msgspec

from fanfare.kernel.data.announcements import Topic


class ByNetwork(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the session began: guest, register, password, code, passkey, or the kind of identity provider."""

    network: str


SESSION_CREATED = Topic("session.created", "A fan logged in, or came as a guest.", "session_id", "always", ByNetwork)
SESSION_DELETED = Topic("session.deleted", "A session was ended before it expired.", "session_id", "always")
TERMS_ACCEPTED = Topic("terms.accepted", "A fan accepted the terms of a business.", "business_id", "always")
