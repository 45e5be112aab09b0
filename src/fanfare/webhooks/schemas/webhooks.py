"""Shapes of webhooks."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.parameters import Params
from fanfare.kernel.running.http_client import MAX_URL_LENGTH, http_client
from fanfare.kernel.wire import ChoiceForm, Flag, Id, IntegerForm, Text, TextForm, Uuid
from fanfare.webhooks.schemas.topic_patterns import TopicPatterns, pattern_faults

STANDARD, CLOUDEVENTS = "standard", "cloudevents"
MAX_OVERLAP_HOURS = 7 * 24
Url = Annotated[str, TextForm(MAX_URL_LENGTH)]
Format = Annotated[Literal["standard", "cloudevents"], ChoiceForm(STANDARD, CLOUDEVENTS)]
# Descriptions that creating and changing share.
URL = "Where changes are sent: https, and an address that is public."
TOPICS = "Topics to send: their names, or patterns such as fan.* or *.deleted."
BUSINESS = "Only changes that name this business."
FILTER = "Only changes about fans in this segment, and its own changes; the segment must be active."
FORMAT = "standard (Standard Webhooks), or cloudevents for bodies in the JSON format of CloudEvents 1.0."


class Webhook(msgspec.Struct):
    """An endpoint. Timestamps are unix seconds.

    disable_reason says why it is not enabled: `gone` (it answered 410), `failing` (it failed for five days), or null.
    failing_timestamp is the first failure since the last success; waiting_count the deliveries that wait, counted up to
    1,000.
    """

    webhook_uid: uuid.UUID
    url: str
    topics: list[str]
    business_id: int | None
    filter_uid: uuid.UUID | None
    description: str | None
    format: str
    is_enabled: bool
    disable_reason: str | None
    failing_timestamp: int | None
    waiting_count: int
    creation_timestamp: int
    last_update_timestamp: int


class NewWebhook(Params, kw_only=True):
    """An endpoint to register."""

    url: Annotated[Url, URL]
    topics: Annotated[TopicPatterns, TOPICS]
    business_id: Annotated[Id | None, BUSINESS] = None
    filter_uid: Annotated[Uuid | None, FILTER] = None
    description: Annotated[Text | None, "What it is for."] = None
    format: Annotated[Format | None, FORMAT] = None

    example: ClassVar[Mapping[str, object]] = {"url": "https://example.com/hooks", "topics": ["fan.*"]}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse an address that calls may not go to, and topics that match nothing."""
        yield from webhook_faults(values)


class WebhookChanges(Params, kw_only=True):
    """Changes of an endpoint; a field that is left out stays as it is."""

    webhook_uid: Annotated[Uuid, "Endpoint to change."]
    url: Annotated[Url | None, URL] = None
    topics: Annotated[TopicPatterns | None, TOPICS] = None
    business_id: Annotated[Id | None | UnsetType, f"{BUSINESS} Empty: of any."] = UNSET
    filter_uid: Annotated[Uuid | None | UnsetType, f"{FILTER} Empty: of any."] = UNSET
    description: Annotated[Text | None | UnsetType, "What it is for."] = UNSET
    format: Annotated[Format | None, FORMAT] = None
    is_enabled: Annotated[Flag | None, "false: nothing is sent; what happens meanwhile can be replayed."] = None

    example: ClassVar[Mapping[str, object]] = {"topics": ["business.*", "*.deleted"]}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse an address that calls may not go to, and topics that match nothing."""
        yield from webhook_faults(values)


def webhook_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the faults of what creating and changing share."""
    if (url := values.get("url")) and (fault := http_client.url_fault(url)):
        yield "url", fault
    if values.get("topics") == []:
        yield "topics", "must be at least one"
    yield from pattern_faults(values.get("topics") or ())


class OneWebhook(Params):
    """Which endpoint."""

    webhook_uid: Annotated[Uuid, "Endpoint by its uid."]


class SecretRotation(Params):
    """A new secret for an endpoint."""

    webhook_uid: Annotated[Uuid, "Endpoint by its uid."]
    overlap_hours: Annotated[
        int, IntegerForm(0, MAX_OVERLAP_HOURS), "Hours in which the older secrets sign too. Default: 24."
    ] = 24

    example: ClassVar[Mapping[str, object]] = {"overlap_hours": 24}

    @property
    def overlap(self) -> timedelta:
        """The time in which the older secrets sign too."""
        return timedelta(hours=self.overlap_hours)


class WebhookCreated(msgspec.Struct):
    """The endpoint that was registered, and its secret, which is not shown again."""

    webhook_uid: uuid.UUID
    secret: str


class WebhookSaved(msgspec.Struct):
    """The endpoint that was changed."""

    webhook_uid: uuid.UUID


class NewWebhookSecret(msgspec.Struct):
    """A secret, which is not shown again."""

    secret: str
