"""Reads RSS, Atom and JSON Feed, and the feeds of YouTube's channels."""

import asyncio
import calendar
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec

from fanfare.kernel.running.http_client import HttpAnswer
from fanfare.streams.gateways.fetching import Reading, Source, SourceFault, fetch
from fanfare.streams.gateways.texts import clean, moment_of, name_of, plain_text, safe_url, shown_name
from fanfare.streams.schemas.entries import Author, Entry

MAX_ENTRIES = 100
MAX_KEY = 500
ENTITY = re.compile(rb"<!\s*ENTITY", re.IGNORECASE)
YOUTUBE = "https://www.youtube.com"
ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"


class JsonAuthor(msgspec.Struct):
    """An author of a JSON Feed."""

    name: str | None = None
    url: str | None = None
    avatar: str | None = None


class JsonItem(msgspec.Struct):
    """An item of a JSON Feed."""

    id: str | int | float | None = None
    url: str | None = None
    title: str | None = None
    content_text: str | None = None
    content_html: str | None = None
    image: str | None = None
    date_published: str | None = None
    authors: list[JsonAuthor] = []
    author: JsonAuthor | None = None


class JsonFeed(msgspec.Struct):
    """A JSON Feed, version 1 or 1.1."""

    version: str
    title: str = ""
    items: list[JsonItem] = []


async def read_feed(source: Source, now: datetime) -> Reading:
    """Read a feed, unless it is as it was; raises SourceFault."""
    headers = {"Accept": ACCEPT}
    if etag := source.state.get("etag"):
        headers["If-None-Match"] = etag
    if modified := source.state.get("last_modified"):
        headers["If-Modified-Since"] = modified
    answer = await fetch(_url(source), source.account_id, headers)
    if answer.status == HTTPStatus.NOT_MODIFIED:
        return Reading(None, source.state)
    if answer.status != HTTPStatus.OK:
        message = f"it responds with {answer.status}"
        raise SourceFault(message)
    validators = {
        "etag": _short(answer.headers.get("etag")),
        "last_modified": _short(answer.headers.get("last-modified")),
    }
    # Reading takes up to a second; the loop goes on meanwhile.
    entries, undated_keys = await asyncio.to_thread(_parse, answer, now)
    first_times = {
        _digest(key): source.state.get("first_times", {}).get(_digest(key), int(now.timestamp()))
        for key in undated_keys
    }
    entries = [_dated(each, first_times) if each.record_key in undated_keys else each for each in entries]
    entries = sorted(entries, key=lambda entry: entry.created_at)[-MAX_ENTRIES:]
    complete_from = entries[0].created_at if entries and not undated_keys else None
    state = {**validators, "first_times": first_times}
    return Reading(entries, {name: value for name, value in state.items() if value}, complete_from)


def _dated(entry: Entry, first_times: Mapping[str, int]) -> Entry:
    """Return an entry that has no date with the time when it was seen first, so that it grows old."""
    return msgspec.structs.replace(
        entry, created_at=datetime.fromtimestamp(first_times[_digest(entry.record_key)], UTC)
    )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _url(source: Source) -> str:
    if source.source_kind == "youtube":
        base = source.setting("url") or YOUTUBE
        return f"{base}/feeds/videos.xml?channel_id={quote(source.setting('channel_id'), safe='')}"
    return source.setting("url")


def _short(value: str | None) -> str | None:
    return value if value and len(value) <= MAX_KEY else None


# Entries, and the keys of those that have no date.
Parsed = tuple[list[Entry], frozenset[str]]


def _parse(answer: HttpAnswer, now: datetime) -> Parsed:
    body = answer.body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if body[:1] == b"{":
        return _json(body, now)
    if ENTITY.search(body):
        message = "it defines entities, which feeds do not need"
        raise SourceFault(message)
    import feedparser  # type: ignore[import-untyped]  # noqa: PLC0415 - takes 15 MB, which most processes save

    headers = {"content-type": answer.headers.get("content-type", ""), "content-location": ""}
    feed = feedparser.parse(body, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    if not feed.get("version") and not feed.entries:
        message = "it is not a feed in RSS, Atom or JSON Feed"
        raise SourceFault(message)
    title = name_of(feed.feed.get("title"))
    rows = feed.entries[: 2 * MAX_ENTRIES]
    parsed = [(entry, _moment(row)) for row in rows if (entry := _entry(row, title, now))]
    return [entry for entry, _ in parsed], frozenset(entry.record_key for entry, moment in parsed if not moment)


def _entry(row: Any, title: str | None, now: datetime) -> Entry | None:  # noqa: ANN401 - feedparser has no types
    url = safe_url(row.get("link"))
    contents = [each.get("value") or "" for each in row.get("content") or []]
    text, images = plain_text(str(row.get("summary") or (contents[0] if contents else "")))
    if contents and not images:
        images = plain_text(str(contents[0]))[1]
    heading = plain_text(str(row.get("title") or ""))[0]
    caption = clean(f"{heading}\n{text}" if heading and not text.startswith(heading) else text or heading)
    pictures = [each.get("url") for each in row.get("media_thumbnail") or []]
    pictures += [each.get("href") for each in row.get("enclosures") or [] if "image" in str(each.get("type"))]
    pictures += [each.get("url") for each in row.get("media_content") or [] if "image" in str(each.get("medium"))]
    image_url = next((safe for each in [*pictures, *images] if (safe := safe_url(each))), None)
    if not caption and not image_url:
        return None
    name = shown_name(row.get("author")) or title
    is_video = "yt_videoid" in row
    return Entry(
        record_key=_key(row.get("id"), url, caption),
        author=_author(name, row.get("yt_channelid")),
        created_at=_moment(row) or now,
        caption=caption,
        record_url=url,
        image_url=image_url,
        video_url=url if is_video else None,
    )


def _author(name: str | None, key: object = None, image_url: str | None = None) -> Author:
    return Author(_key(key, None, name or "feed"), name, author_image_url=image_url)


def _key(key: object, url: str | None, text: str) -> str:
    """Return the key of an entry: its id, else its URL, else its text."""
    chosen = clean(str(key), 4000) if key else url or text
    return chosen if len(chosen) <= MAX_KEY else hashlib.sha256(chosen.encode()).hexdigest()


def _moment(row: Any) -> datetime | None:  # noqa: ANN401 - as above
    parts = row.get("published_parsed") or row.get("updated_parsed")
    try:
        return datetime.fromtimestamp(calendar.timegm(parts), UTC) if parts else None
    except (ValueError, OverflowError, OSError, TypeError):
        return None


def _json(body: bytes, now: datetime) -> Parsed:
    try:
        feed = msgspec.json.decode(body, type=JsonFeed)
    except (msgspec.DecodeError, RecursionError):
        message = "its JSON Feed is not as expected"
        raise SourceFault(message) from None
    items = [(_json_entry(item, feed, now), item) for item in feed.items[: 2 * MAX_ENTRIES]]
    entries = [entry for entry, _ in items if entry]
    undated_keys = frozenset(entry.record_key for entry, item in items if entry and not moment_of(item.date_published))
    return entries, undated_keys


def _json_entry(item: JsonItem, feed: JsonFeed, now: datetime) -> Entry | None:
    text, images = plain_text(item.content_html) if item.content_html else (clean(item.content_text), [])
    heading = clean(item.title)
    caption = clean(f"{heading}\n{text}" if heading and not text.startswith(heading) else text or heading)
    author = next(iter([*item.authors, *([item.author] if item.author else [])]), JsonAuthor(feed.title))
    image_url = safe_url(item.image) or next(iter(images), None)
    if not caption and not image_url:
        return None
    url = safe_url(item.url)
    name = shown_name(author.name) or name_of(feed.title)
    return Entry(
        record_key=_key(item.id, url, caption),
        author=_author(name, author.url, safe_url(author.avatar)),
        created_at=moment_of(item.date_published) or now,
        caption=caption,
        record_url=url,
        image_url=image_url,
    )
