"""Schemas of custom fields, tags, identities, consents, IP addresses, display name words and push tokens."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from fanfare.fans.contact import identifies_people
from fanfare.kernel.data.lines import LineResult
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import (
    AddressRange,
    ChoiceForm,
    EntryForm,
    Flag,
    Id,
    IntegerForm,
    InvalidEntry,
    ListForm,
    OuterKey,
    Text,
    TextForm,
    Texts,
)

FieldKey = Annotated[str, TextForm(64, r"[A-Za-z0-9][A-Za-z0-9_.-]*", "must be letters, digits, _, . or -, up to 64")]
FIELD_TYPES = ("text", "number", "date", "boolean", "choice", "choices", "url")
FieldType = Annotated[str, ChoiceForm(*FIELD_TYPES)]
Network = Annotated[str, TextForm(64, r"[A-Za-z0-9][A-Za-z0-9_.-]*", "must be letters, digits, _, . or -, up to 64")]
WEB = "web"
DeviceNetwork = Annotated[str, ChoiceForm("ios", "android", "huawei", WEB)]
VISIBLE = re.compile(r"[!-~]+")
MAX_TAG_FANS = 10_000


class Field(msgspec.Struct):
    """A custom field. creation_timestamp is in unix seconds, fan_count the fans with a value in it."""

    crm_field_key: str
    account_id: int
    field_type: str
    creation_timestamp: int
    field_options: list[str]
    is_active: bool
    is_global: bool
    fan_count: int | None = None


class FieldDefinition(Params):
    """A custom field to define or update."""

    crm_field_key: Annotated[FieldKey, "Key of the field: the part behind field_."]
    field_type: Annotated[FieldType, "Type of its values; cannot change while fans have values in the field."]
    field_options: Annotated[Texts | None, "Options; for choice and choices."] = None
    is_active: Annotated[Flag | None, "Whether values can be set; true by default."] = None
    is_global: Annotated[Flag | None, "Whether the field applies to all businesses."] = None

    example: ClassVar[Mapping[str, object]] = {
        "crm_field_key": "shirt_size",
        "field_type": "choice",
        "field_options": ["S", "M", "L"],
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a choice without options."""
        if values.get("field_type") in ("choice", "choices") and not values.get("field_options"):
            yield "field_options", "is required for choice and choices"


class OneField(Params):
    """The key of a custom field."""

    crm_field_key: Annotated[FieldKey, "Key of the field."]


class FieldSaved(msgspec.Struct):
    """The field that was saved."""

    crm_field_key: str


class Tag(msgspec.Struct):
    """A tag with its number of fans. creation_timestamp is in unix seconds."""

    tag_id: int
    tag_name: str
    creation_timestamp: int
    fan_count: int


class TagChange(Params):
    """A tag to add to fans or remove from them."""

    tag_name: Annotated[Text, "Name of the tag; created when new."]
    action: Annotated[Annotated[str, ChoiceForm("add", "delete")] | None, "add (default) or delete."] = None
    fan_ids: Annotated[
        Annotated[list[int | InvalidEntry], ListForm(EntryForm(IntegerForm(0)), MAX_TAG_FANS)] | None,
        "Fans by id, at most 10000.",
    ] = None
    emails: Annotated[
        Annotated[list[str | InvalidEntry], ListForm(EntryForm(TextForm()), MAX_TAG_FANS)] | None,
        "Fans by email address.",
    ] = None

    example: ClassVar[Mapping[str, object]] = {"tag_name": "season ticket", "fan_ids": [1, 2]}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject a change without fans."""
        if not values.get("fan_ids") and not values.get("emails"):
            yield "fan_ids", "is required when emails is left out"


class TagRow(LineResult):
    """The result for one entry: added, removed, unchanged or unknown; or error with the reasons."""

    fan_id: int | None
    email: str | None
    status: str


class TagChanged(msgspec.Struct):
    """The result for every entry, fan_ids first, in the order sent."""

    tag_id: int | None
    tag_name: str
    rows: list[TagRow]


class NewTag(Params):
    """A tag to create."""

    tag_name: Annotated[Text, "Name of the tag; unique in the account."]


class OneTag(Params):
    """The id of a tag."""

    tag_id: Annotated[Id, "Tag by its id."]


class TagSaved(msgspec.Struct):
    """The tag that was written, or that has the name already."""

    tag_id: int


class Identifier(msgspec.Struct):
    """An external identity of a fan: a network and the fan's id in it."""

    account_id: int
    fan_id: int
    network: str
    identifier_value: str
    creation_timestamp: int
    creation_timestamp_iso: str


class IdentifierChange(Params):
    """An external identity of a fan."""

    fan_id: Annotated[Id, "Fan who has the identity."]
    network: Annotated[Network, "Network, such as facebook or a ticketing system; not email or phone."]
    identifier_value: Annotated[OuterKey, "The fan's id in the network."]

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Reject email addresses and phone numbers, which are changed with the fan."""
        if "network" in values and not identifies_people(values["network"]):
            yield "network", "cannot be changed here; change the fan instead"


class Consent(msgspec.Struct):
    """An entry of the consent ledger. given_timestamp is in unix seconds."""

    consent_id: int
    fan_id: int
    channel: str
    business_id: int | None
    is_granted: bool
    wording: str | None
    consent_source: str
    ip_address: str | None
    given_timestamp: int


class WatchedAddress(msgspec.Struct):
    """A banned or allowed address or range; page_tab_id is null when it applies to the whole account."""

    page_tab_id: int | None
    ip_address: str
    is_blocked: bool
    creation_timestamp: int


class AddressEntry(Params):
    """An address or range to ban or allow, or the entry to remove."""

    ip_address: Annotated[AddressRange, "Address or CIDR range."]
    is_blocked: Annotated[Flag, "true bans the address, false allows it."]
    page_tab_id: Annotated[Id | None, "Campaign the entry applies to; the whole account when left out."] = None

    example: ClassVar[Mapping[str, object]] = {"ip_address": "192.0.2.0/24", "is_blocked": True}


class AddressSaved(msgspec.Struct):
    """The entry that was saved."""

    page_tab_id: int | None
    ip_address: str


class OnePushToken(Params):
    """The push token of a device."""

    push_token: Annotated[Annotated[str, TextForm(4096)], "Push token of the device."]

    @property
    def device_hash(self) -> bytes:
        """The key of the device: of a browser its endpoint, as its subscription can be written in several ways."""
        try:
            key = msgspec.json.decode(self.push_token, type=Subscription).endpoint
        except (msgspec.DecodeError, RecursionError):
            key = self.push_token
        return hashlib.sha256(key.encode()).digest()


class PushToken(OnePushToken, kw_only=True):
    """The push token of a device, and whose it is."""

    user_key: Annotated[OuterKey, "User key in the app."]
    device_network: Annotated[DeviceNetwork, "ios or android; also huawei, or web for a browser's subscription (JSON)."]

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a token that is none of its platform."""
        token, network = values.get("push_token"), values.get("device_network")
        if token and network and (fault := _token_fault(token, network)):
            yield "push_token", fault


class DeviceToken(msgspec.Struct):
    """The push token of a device of a fan. Timestamps are unix seconds."""

    user_key: str
    device_network: str
    push_token: str
    creation_timestamp: int
    last_update_timestamp: int


class SubscriptionKeys(msgspec.Struct):
    """The keys with which messages to a browser are encrypted."""

    p256dh: str
    auth: str


class Subscription(msgspec.Struct):
    """A browser's subscription to push messages, as its `toJSON` returns it."""

    endpoint: str
    keys: SubscriptionKeys


def _token_fault(token: str, network: str) -> str | None:
    if network != WEB:
        return None if VISIBLE.fullmatch(token) else "must be a token without spaces"
    try:
        subscription = msgspec.json.decode(token, type=Subscription)
    except (msgspec.DecodeError, RecursionError):
        return "must be the subscription of a browser as JSON, with endpoint, keys.p256dh and keys.auth"
    return None if subscription.endpoint.startswith("https://") else "must have an endpoint that starts with https://"


class NameCheck(Params):
    """A display name to be tested."""

    display_name: Annotated[Annotated[str, TextForm(256)], "Name to test."]


class UsableName(msgspec.Struct):
    """A usable name: the one requested or one like it."""

    display_name: str


class NameWord(msgspec.Struct):
    """A word that the account allows or refuses in display names."""

    word: str
    is_allowed: bool
    creation_timestamp: int


class NameWordEntry(Params):
    """A word to allow or refuse in display names."""

    word: Annotated[Annotated[str, TextForm(64)], "The word; case is ignored."]
    is_allowed: Annotated[Flag, "true allows a word of the built-in list, false refuses a word."]


class OneNameWord(Params):
    """A word in the list."""

    word: Annotated[Annotated[str, TextForm(64)], "The word; case is ignored."]


class Visibility(Params):
    """Whether public calls show a fan."""

    fan_id: Annotated[Id, "Fan to hide or show."]
    is_hidden: Annotated[Flag, "true hides the fan from public leaderboards and lists, false shows the fan again."]


class VisibilitySaved(msgspec.Struct):
    """Whether public calls now leave a fan out."""

    fan_id: int
    is_hidden: bool
