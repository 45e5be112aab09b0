"""Shapes of the sources of streams."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.running.http_client import http_client
from fanfare.kernel.wire import ChoiceForm, Flag, Id, IntegerForm, Text, TextForm
from fanfare.streams.schemas.records import Labels
from fanfare.streams.schemas.streams import OneStream

MAX_SOURCES = 200
Kind = Literal["feed", "youtube", "mastodon", "bluesky", "mailbox", "form"]
KINDS: tuple[Kind, ...] = ("feed", "youtube", "mastodon", "bluesky", "mailbox", "form")
# What each kind needs; of alternatives one.
REQUIRED: dict[str, tuple[tuple[str, ...], ...]] = {
    "feed": (("url",),),
    "youtube": (("channel_id",),),
    "mastodon": (("url",), ("hashtag", "account_name")),
    "bluesky": (("account_name", "search_text"),),
    "mailbox": (("url",), ("user_name",), ("secret",)),
    "form": (("page_tab_id",), ("caption_field",)),
}
# Networks of the records, and whether their authors are anybody.
NETWORKS = {"feed": "rss", "mailbox": "mail"}
SETTINGS = (
    "url", "channel_id", "hashtag", "account_name", "search_text", "user_name", "folder", "page_tab_id",
    "caption_field", "picture_field",
)  # fmt: skip
Address = Annotated[str, TextForm(2048)]
Secret = Annotated[str, TextForm(1000)]
Minutes = Annotated[int, IntegerForm(5, 24 * 60)]


class NewSource(OneStream, kw_only=True):
    """A source to add to a stream."""

    source_kind: Annotated[Annotated[Kind, ChoiceForm(*KINDS)], "Kind of source: feed is RSS, Atom or JSON Feed."]
    source_name: Annotated[Text | None, "Name for staff."] = None
    url: Annotated[
        Address | None,
        "The feed; the Mastodon server; the Bluesky server, by default the public one; imaps://host for a mailbox.",
    ] = None  # fmt: skip
    channel_id: Annotated[Text | None, "YouTube: id of the channel."] = None
    hashtag: Annotated[Text | None, "Mastodon: posts with this hashtag."] = None
    account_name: Annotated[Text | None, "Mastodon and Bluesky: posts of this account."] = None
    search_text: Annotated[
        Text | None, "Bluesky: posts that this search finds; most servers require user and secret."
    ] = None
    user_name: Annotated[Text | None, "Mailbox and Bluesky: user."] = None
    secret: Annotated[Secret | None, "Password, app password or access token; stored encrypted, never shown."] = None
    folder: Annotated[Text | None, "Mailbox: folder, by default INBOX."] = None
    page_tab_id: Annotated[Id | None, "Form: campaign whose activities are shown."] = None
    caption_field: Annotated[Text | None, "Form: property with the text."] = None
    picture_field: Annotated[Text | None, "Form: property with the URL of a picture."] = None
    labels: Annotated[Labels | None, "Labels of its records."] = None
    interval_minutes: Annotated[Minutes, "Minutes between readings."] = 15

    example: ClassVar[Mapping[str, object]] = {"source_kind": "feed", "url": "https://news.example.com/feed.xml"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a source without what its kind needs, and URLs that lead inside."""
        for names in REQUIRED.get(str(values.get("source_kind")), ()):
            if not any(values.get(name) for name in names):
                yield names[0], f"is required{f', or {names[1]}' if len(names) > 1 else ''}"
        if (url := values.get("url")) and (fault := url_fault(url, str(values.get("source_kind")))):
            yield "url", fault


def url_fault(url: str, kind: str) -> str | None:
    """Return what is wrong with the URL of a source."""
    if kind != "mailbox":
        return http_client.url_fault(url)
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("imaps", "imap"):
        return "must begin with imaps://"
    fault = http_client.url_fault(f"{'https' if scheme == 'imaps' else 'http'}://{rest}")
    return fault and fault.replace("https://", "imaps://")


class OneSource(OneStream, kw_only=True):
    """A source of a stream."""

    source_id: Annotated[Id, "Source by its id."]


class SourceChanges(OneSource, kw_only=True):
    """The fields of a source to change; it is read again at once."""

    source_name: Annotated[Text | None, "Name for staff."] = None
    is_enabled: Annotated[Flag | None, "Whether it is read."] = None
    secret: Annotated[Secret | None | UnsetType, "Password, app password or access token."] = UNSET
    labels: Annotated[Labels | None | UnsetType, "Labels of its later records."] = UNSET
    interval_minutes: Annotated[Minutes | None, "Minutes between readings."] = None

    example: ClassVar[Mapping[str, object]] = {"is_enabled": True}


class SourceSaved(msgspec.Struct):
    """The source that was saved."""

    source_id: int


class StreamSource(msgspec.Struct):
    """A source, and how its readings went. Timestamps in unix seconds; `last_error` is null after a success."""

    source_id: int
    stream_key: str
    source_kind: Kind
    source_name: str
    settings: dict[str, Any]
    has_secret: bool
    labels: list[str]
    interval_minutes: int
    is_enabled: bool
    next_timestamp: int | None
    last_read_timestamp: int | None
    last_success_timestamp: int | None
    fail_count: int
    last_error: str | None
    creation_timestamp: int
