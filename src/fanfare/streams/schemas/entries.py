"""What a source or a site brings to a stream: entries with their authors, in the same shape whatever the network."""

from datetime import datetime
from typing import Any

import msgspec

from fanfare.kernel.folding import fold
from fanfare.streams.schemas.records import DIRECT, RecordLink

# Networks whose authors are known by an email address, and what their keys begin with.
MAIL, MAIL_PREFIX = "mail", "email:"
MAIL_NETWORKS = (DIRECT, MAIL)
# Networks that do not prove who their authors are.
CLAIMED_NETWORKS = (*MAIL_NETWORKS, "form")


def mail_author_key(address_key: str) -> str:
    """Return the key of an author who is known by an email address, folded as erasures compare it."""
    return f"{MAIL_PREFIX}{fold(address_key)}"


class Author(msgspec.Struct, frozen=True):
    """Who wrote an entry; `author_key` is unique at the network."""

    author_key: str
    author_name: str | None = None
    screen_name: str | None = None
    author_url: str | None = None
    author_image_url: str | None = None
    follower_count: int = 0
    fan_id: int | None = None


class Entry(msgspec.Struct, frozen=True):
    """One post; `record_key` is unique at the network. Texts are plain, and URLs are of the web."""

    record_key: str
    author: Author
    created_at: datetime
    caption: str = ""
    record_url: str | None = None
    image_url: str | None = None
    video_url: str | None = None
    links: list[RecordLink] = []
    latitude: float | None = None
    longitude: float | None = None
    sku: str | None = None
    labels: list[str] = []
    props: dict[str, Any] = {}


class Origin(msgspec.Struct, frozen=True):
    """Where entries come from. `is_trusted`: by staff; `limits_authors`: from anybody, so authors are limited.

    With a `sender_key` only what the same sender sent counts: anybody can claim to be an author.
    """

    network: str
    source_id: int | None = None
    is_trusted: bool = False
    limits_authors: bool = True
    sender_key: str | None = None
