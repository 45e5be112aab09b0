"""What external identities announce."""

from fanfare.kernel.data.announcements import Fields, Topic

IDENTITY_PROVIDER_CREATED = Topic(
    "identity_provider.created", "An identity provider was named for logins.", "provider_id"
)
IDENTITY_PROVIDER_UPDATED = Topic(
    "identity_provider.updated", "An identity provider was changed.", "provider_id", "never", Fields
)
IDENTITY_PROVIDER_DELETED = Topic(
    "identity_provider.deleted", "An identity provider was deleted; its identities stay linked.", "provider_id"
)
IDENTITY_CREATED = Topic(
    "identity.created", "A fan logged in with an external identity for the first time.", "identity_id", "always"
)
IDENTITY_DELETED = Topic("identity.deleted", "A fan lost the link to an external identity.", "identity_id", "always")
