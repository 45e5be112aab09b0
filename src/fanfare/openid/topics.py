"""What OpenID Connect announces."""

from fanfare.kernel.data.announcements import Fields, Topic

OPENID_CLIENT_CREATED = Topic("openid_client.created", "A client of OpenID Connect was registered.", "client_id")
OPENID_CLIENT_UPDATED = Topic(
    "openid_client.updated", "Fields of a client changed, or its secret.", "client_id", data=Fields
)
OPENID_CLIENT_DELETED = Topic("openid_client.deleted", "A client was deleted, with all its tokens.", "client_id")
OPENID_CONSENT_CREATED = Topic(
    "openid_consent.created", "A fan agreed that a client may read fields of theirs.", "client_id", "always"
)
OPENID_CONSENT_DELETED = Topic(
    "openid_consent.deleted", "A fan withdrew the consent for a client.", "client_id", "always"
)
