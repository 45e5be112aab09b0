"""Reads Bluesky by its public calls: the posts of an account, or those that a search finds."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from fanfare.kernel.running.http_client import HttpRequest
from fanfare.streams.gateways.fetching import AGENT, Reading, Source, fetch_json, json_of, send
from fanfare.streams.gateways.texts import clean, moment_of, name_of, safe_url
from fanfare.streams.schemas.entries import Author, Entry

PUBLIC = "https://public.api.bsky.app"
LIMIT = 50


class Actor(msgspec.Struct):
    """An account."""

    did: str
    handle: str
    displayName: str | None = None  # noqa: N815 - the names of the protocol
    avatar: str | None = None


class Text(msgspec.Struct):
    """The record of a post."""

    text: str = ""
    createdAt: str = ""  # noqa: N815 - as above


class Image(msgspec.Struct):
    """A picture of a post."""

    fullsize: str | None = None


class Embed(msgspec.Struct):
    """What a post has beside its text."""

    images: list[Image] = []


class Post(msgspec.Struct):
    """A post."""

    uri: str
    author: Actor
    record: Text
    embed: Embed | None = None
    indexedAt: str = ""  # noqa: N815 - as above


class FeedPost(msgspec.Struct):
    """A post in the feed of an account; with a reason it is a repost."""

    post: Post
    reason: dict[str, Any] | None = None


class Feed(msgspec.Struct):
    """The answer of getAuthorFeed."""

    feed: list[FeedPost]


class Posts(msgspec.Struct):
    """The answer of searchPosts."""

    posts: list[Post]


class Session(msgspec.Struct):
    """The answer of createSession."""

    accessJwt: str  # noqa: N815 - as above


async def read_bluesky(source: Source, now: datetime) -> Reading:
    """Read the newest posts; raises SourceFault."""
    base = (source.setting("url") or PUBLIC).rstrip("/")
    headers = await _authorization(base, source)
    if search_text := source.setting("search_text"):
        query = urlencode({"q": search_text, "sort": "latest", "limit": LIMIT})
        url = f"{base}/xrpc/app.bsky.feed.searchPosts?{query}"
        posts = (await fetch_json(url, source.account_id, Posts, headers)).posts
    else:
        actor = source.setting("account_name").lstrip("@")
        query = urlencode({"actor": actor, "filter": "posts_no_replies", "limit": LIMIT})
        url = f"{base}/xrpc/app.bsky.feed.getAuthorFeed?{query}"
        posts = [
            each.post for each in (await fetch_json(url, source.account_id, Feed, headers)).feed if each.reason is None
        ]
    entries = sorted((_entry(post, now) for post in posts), key=lambda entry: entry.created_at)
    return Reading(entries, source.state, entries[0].created_at if entries else None)


async def _authorization(base: str, source: Source) -> dict[str, str]:
    """Log in where the source has a user; searching is for users on most servers."""
    if not source.secret:
        return {}
    body = msgspec.json.encode({"identifier": source.setting("user_name"), "password": source.secret})
    headers = {"Content-Type": "application/json", "User-Agent": AGENT}
    request = HttpRequest("POST", f"{base}/xrpc/com.atproto.server.createSession", headers, body)
    session = json_of(await send(request, source.account_id), Session)
    return {"Authorization": f"Bearer {session.accessJwt}"}


def _entry(post: Post, now: datetime) -> Entry:
    author = post.author
    images = post.embed.images if post.embed else []
    return Entry(
        record_key=clean(post.uri, 500),
        author=Author(
            author_key=clean(author.did, 255),
            author_name=name_of(author.displayName) or name_of(author.handle),
            screen_name=name_of(author.handle),
            author_url=safe_url(f"https://bsky.app/profile/{author.handle}"),
            author_image_url=safe_url(author.avatar),
        ),
        # The time of the record is what its author says; that of the index is the server's.
        created_at=moment_of(post.indexedAt) or moment_of(post.record.createdAt) or now,
        caption=clean(post.record.text),
        record_url=safe_url(f"https://bsky.app/profile/{author.handle}/post/{post.uri.rpartition('/')[2]}"),
        image_url=next((url for each in images if (url := safe_url(each.fullsize))), None),
    )
