"""Topics of the change log about fans."""

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.data.announcements import Topic


class FanFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of the fields that changed, or the merge that changed them; without both, any field may differ."""

    fields: list[str] | UnsetType = UNSET
    merge_id: int | UnsetType = UNSET


class IntoFan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fan who stays."""

    into_fan_id: int


class FromFan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fan from whom it was separated."""

    from_fan_id: int


class OnNetwork(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The network of an identifier."""

    network: str


class OnChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The channel of a consent, and its business, or null for the whole account."""

    channel: str
    business_id: int | None


FAN_CREATED = Topic("fan.created", "A fan was created.", "fan_id", "always")
FAN_UPDATED = Topic("fan.updated", "Fields or other data of a fan changed.", "fan_id", "always", FanFields)
FAN_DELETED = Topic("fan.deleted", "A fan was erased, or was a guest who left nothing behind.", "fan_id", "always")
FAN_MERGED = Topic("fan.merged", "A fan was merged into another; its id now redirects.", "fan_id", "always", IntoFan)
FAN_UNMERGED = Topic("fan.unmerged", "A merge was undone; the fan is separate again.", "fan_id", "always", FromFan)
FAN_IDENTIFIED = Topic(
    "fan.identified", "An identifier of a network was added to a fan.", "fan_id", "always", OnNetwork
)
FAN_UNIDENTIFIED = Topic(
    "fan.unidentified", "An identifier of a network was removed from a fan.", "fan_id", "always", OnNetwork
)
CONSENT_GIVEN = Topic("consent.given", "A fan agreed to be contacted.", "fan_id", "always", OnChannel)
CONSENT_WITHDRAWN = Topic("consent.withdrawn", "A fan refused to be contacted.", "fan_id", "always", OnChannel)
TAG_CREATED = Topic("tag.created", "A tag was created.", "tag_id")
TAG_DELETED = Topic("tag.deleted", "A tag was deleted.", "tag_id")
TAG_ADDED = Topic("tag.added", "A tag was added to a fan.", "tag_id", "always")
TAG_REMOVED = Topic("tag.removed", "A tag was removed from a fan.", "tag_id", "always")
FIELD_CREATED = Topic("field.created", "A custom field was created.", "crm_field_key")
FIELD_UPDATED = Topic("field.updated", "A custom field changed.", "crm_field_key")
FIELD_DELETED = Topic("field.deleted", "A custom field was deleted, with the values of all fans.", "crm_field_key")
ADDRESS_CREATED = Topic(
    "address.created", "An IP address was banned or allowed, for a campaign or (0) for the account.", "page_tab_id"
)
ADDRESS_UPDATED = Topic("address.updated", "A banned IP address was allowed, or an allowed one banned.", "page_tab_id")
ADDRESS_DELETED = Topic("address.deleted", "The entry of an IP address was deleted.", "page_tab_id")
NAME_WORD_CREATED = Topic("name_word.created", "A word was allowed or refused in display names.", "")
NAME_WORD_UPDATED = Topic("name_word.updated", "A refused word was allowed, or the other way round.", "")
NAME_WORD_DELETED = Topic("name_word.deleted", "A word was removed from the list for display names.", "")
PUSH_TOKEN_CREATED = Topic(
    "push_token.created", "An app registered a push token; the fan is its user, when known.", "fan_id", "sometimes"
)
PUSH_TOKEN_UPDATED = Topic(
    "push_token.updated",
    "The user or platform of a push token changed; the fan is its user, when known.",
    "fan_id",
    "sometimes",
)
PUSH_TOKEN_DELETED = Topic(
    "push_token.deleted", "A push token was deleted; the fan was its user, when known.", "fan_id", "sometimes"
)
