"""Reads Mastodon, and what speaks its API: the posts of an account, or those with a hashtag."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from fanfare.streams.gateways.fetching import Reading, Source, fetch_json
from fanfare.streams.gateways.texts import clean, moment_of, name_of, plain_text, safe_url
from fanfare.streams.schemas.entries import Author, Entry

LIMIT = 40
# More than there are people; sums stay within their columns.
MAX_FOLLOWERS = 10_000_000_000


class Account(msgspec.Struct):
    """An account."""

    id: str
    acct: str
    username: str = ""
    display_name: str = ""
    url: str | None = None
    avatar_static: str | None = None
    followers_count: int = 0


class Attachment(msgspec.Struct):
    """A picture or a video of a post."""

    type: str = ""
    url: str | None = None
    preview_url: str | None = None


class Post(msgspec.Struct):
    """A post, called a status there."""

    id: str
    uri: str
    created_at: str
    account: Account
    content: str = ""
    url: str | None = None
    visibility: str = "public"
    sensitive: bool = False
    reblog: dict[str, Any] | None = None
    media_attachments: list[Attachment] = []


async def read_mastodon(source: Source, now: datetime) -> Reading:
    """Read the newest posts; raises SourceFault."""
    base = source.setting("url").rstrip("/")
    headers = {"Authorization": f"Bearer {source.secret}"} if source.secret else {}
    state = dict(source.state)
    if hashtag := source.setting("hashtag"):
        url = f"{base}/api/v1/timelines/tag/{quote(hashtag.lstrip('#'), safe='')}?limit={LIMIT}"
    else:
        if "account_key" not in state:
            name = quote(source.setting("account_name").lstrip("@"), safe="@")
            lookup = f"{base}/api/v1/accounts/lookup?acct={name}"
            state["account_key"] = (await fetch_json(lookup, source.account_id, Account, headers)).id
        account = quote(state["account_key"], safe="")
        url = f"{base}/api/v1/accounts/{account}/statuses?limit={LIMIT}&exclude_replies=true&exclude_reblogs=true"
    posts = await fetch_json(url, source.account_id, list[Post], headers)
    host = urlsplit(base).hostname or ""
    # Reading HTML takes up to a second; the loop goes on meanwhile.
    entries = await asyncio.to_thread(_entries, posts, host, now)
    # The oldest one of the page may share its second with others that are not there.
    oldest = min((moment_of(post.created_at) or now for post in posts), default=None)
    return Reading(entries, state, oldest)


def _entries(posts: list[Post], host: str, now: datetime) -> list[Entry]:
    entries = [_entry(post, host, now) for post in posts if post.visibility == "public" and not post.reblog]
    return sorted(entries, key=lambda entry: entry.created_at)


def _entry(post: Post, host: str, now: datetime) -> Entry:
    account = post.account
    acct = account.acct if "@" in account.acct else f"{account.acct}@{host}"
    media = [] if post.sensitive else post.media_attachments
    pictures = [each.url if each.type == "image" else each.preview_url for each in media]
    videos = [each.url for each in media if each.type in ("video", "gifv")]
    return Entry(
        record_key=clean(post.uri, 500),
        author=Author(
            author_key=clean(acct, 255),
            author_name=name_of(account.display_name) or name_of(account.username),
            screen_name=name_of(acct),
            author_url=safe_url(account.url),
            author_image_url=safe_url(account.avatar_static),
            follower_count=min(account.followers_count, MAX_FOLLOWERS),
        ),
        created_at=(moment_of(post.created_at) or now).astimezone(UTC),
        caption=plain_text(post.content)[0],
        record_url=safe_url(post.url or post.uri),
        image_url=next((url for each in pictures if (url := safe_url(each))), None),
        video_url=next((url for each in videos if (url := safe_url(each))), None),
    )
