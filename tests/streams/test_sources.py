"""Sources of streams, each against a local server of its protocol."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape

import pytest

from fanfare.kernel.data.db import Db
from fanfare.streams.actions.reading import read_source
from tests.api import Api
from tests.streams.sites import Site, site
from tests.streams.test_records import MANAGE, moderate, new_stream, page
from tests.streams.test_summary import check_counts

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    with site() as result:
        yield result


async def add(api: Api, key: str, **fields: Any) -> int:
    return int((await api.ok(await api.post(f"{MANAGE}/{key}/sources", **fields)))["source_id"])


async def read(api: Api, db: Db, source_id: int, *, hours: float = 0) -> None:
    """Let the source be read, so many hours later."""
    await read_source(
        db.for_account(api.account_id), api.account_id, source_id, datetime.now(UTC) + timedelta(hours=hours)
    )


async def state(api: Api, key: str, source_id: int) -> Any:
    rows = await api.ok(await api.get(f"{MANAGE}/{key}/sources"))
    return next(row for row in rows if row["source_id"] == source_id)


async def captions(api: Api, key: str) -> list[str]:
    return [row["caption"] for row in (await page(api, key))["data"]]


def moment(number: int) -> datetime:
    return NOW - timedelta(hours=100 - number)


def rss(*items: tuple[int, str], head: str = "", extra: str = "") -> str:
    rows = "".join(
        f"<item><guid>post-{number}</guid><title>{escape(title)}</title><link>https://news.example.com/{number}</link>"
        f"<pubDate>{format_datetime(moment(number))}</pubDate>{extra}</item>"
        for number, title in items
    )
    return f'<?xml version="1.0"?>{head}<rss version="2.0"><channel><title>News</title>{rows}</channel></rss>'


async def test_rss_is_read_once_for_each_version(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)
    url = web.put("/rss", rss((1, "one"), (2, "two <b>bold</b>"), (3, "three")), ETag='"v1"', Last_Modified="yesterday")
    source_id = await add(api, key, source_kind="feed", url=url, labels="news")
    await read(api, db, source_id)
    assert await captions(api, key) == ["three", "two bold", "one"]
    [row, *_] = (await page(api, key))["data"]
    assert (row["network"], row["author_name"], row["labels"]) == ("rss", "News", ["news"])
    assert (row["record_url"], row["creation_timestamp"]) == ("https://news.example.com/3", moment(3).timestamp())
    source = await state(api, key, source_id)
    assert (source["fail_count"], source["last_error"]) == (0, None)
    # Not due, so not asked again.
    request_count = len(web.requests)
    await read(api, db, source_id)
    assert len(web.requests) == request_count
    web.put("/rss", b"", 304)
    await read(api, db, source_id, hours=1)
    assert web.requests[-1].headers["if-none-match"] == '"v1"'
    assert web.requests[-1].headers["if-modified-since"] == "yesterday"
    assert len(await captions(api, key)) == 3
    # Post 2 is gone although older ones are there; post 3 was changed; post 1 has only left the end of the feed.
    staff = row["feed_record_id"]
    web.put("/rss", rss((2, "two"), (3, "three"), (4, "four")))
    await read(api, db, source_id, hours=2)
    assert await captions(api, key) == ["four", "three", "two", "one"]
    web.put("/rss", rss((2, "two"), (4, "four")))
    await read(api, db, source_id, hours=3)
    assert await captions(api, key) == ["four", "two", "one"]
    assert (await api.get(f"/api/v1/streams/{key}/records/{staff}")).status_code == 404
    await check_counts(db, api, key)


async def test_what_staff_removed_is_not_brought_again(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)
    source_id = await add(api, key, source_kind="feed", url=web.put("/removed", rss((1, "one"), (2, "two"))))
    await read(api, db, source_id)
    await moderate(api, key, (await page(api, key))["data"][0]["feed_record_id"], "remove")
    web.put("/removed", rss((1, "one"), (2, "two again")))
    await read(api, db, source_id, hours=1)
    assert await captions(api, key) == ["one"]


async def test_atom_and_json_feed(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)
    atom = f"""<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title><entry><id>a1</id><title>Hi</title>
        <author><name>Ada</name></author><link href="https://blog.example.com/1"/><updated>{moment(5).isoformat()}</updated>
        <content type="html">&lt;p&gt;Hello &lt;img src="https://blog.example.com/1.jpg"&gt;&lt;/p&gt;</content>
        </entry></feed>"""
    item = {"id": 7, "content_html": "<p>JSON &amp; more</p>", "url": "https://blog.example.com/2",
            "date_published": moment(6).isoformat(), "authors": [{"name": "Bea"}]}  # fmt: skip
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Feed", "items": [item]}
    for path, body in [("/atom", atom), ("/json", json.dumps(feed))]:
        await read(api, db, await add(api, key, source_kind="feed", url=web.put(path, body)))
    rows = (await page(api, key))["data"]
    assert [(row["caption"], row["author_name"]) for row in rows] == [("JSON & more", "Bea"), ("Hi\nHello", "Ada")]
    assert rows[1]["src_image_url"] == "https://blog.example.com/1.jpg"


async def test_youtube(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)
    web.put("/feeds/videos.xml", f"""<feed xmlns:yt="http://www.youtube.com/xml/schemas/2015"
        xmlns:media="http://search.yahoo.com/mrss/" xmlns="http://www.w3.org/2005/Atom"><title>Club TV</title><entry>
        <id>yt:video:abc</id><yt:videoId>abc</yt:videoId><yt:channelId>UC1</yt:channelId><title>Goals</title>
        <link rel="alternate" href="https://www.youtube.com/watch?v=abc"/><author><name>Club TV</name></author>
        <published>{moment(5).isoformat()}</published><media:group>
        <media:thumbnail url="https://i.ytimg.example/abc.jpg"/><media:description>All of them</media:description>
        </media:group></entry></feed>""")  # fmt: skip
    source_id = await add(api, key, source_kind="youtube", url=web.url, channel_id="UC1")
    await read(api, db, source_id)
    assert web.requests[-1].query == "channel_id=UC1"
    [row] = (await page(api, key))["data"]
    assert (row["network"], row["video_url"]) == ("youtube", "https://www.youtube.com/watch?v=abc")
    assert (row["src_image_url"], row["author_user_key"]) == ("https://i.ytimg.example/abc.jpg", "UC1")


def status(number: int, text: str = "<p>Go!</p>", **fields: Any) -> dict[str, Any]:
    account = {"id": "9", "acct": "ada", "username": "ada", "display_name": "Ada", "followers_count": 12,
               "url": "https://social.example/@ada", "avatar_static": "https://social.example/ada.png"}  # fmt: skip
    return {"id": str(number), "uri": f"https://social.example/{number}", "created_at": moment(number).isoformat(),
            "content": text, "visibility": "public", "reblog": None, "account": account, **fields}  # fmt: skip


async def test_mastodon(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)
    picture = {"type": "image", "url": "https://social.example/p.jpg"}
    posts = [status(3, media_attachments=[picture]), status(2), status(1), status(4, visibility="unlisted")]
    web.put("/api/v1/timelines/tag/derby", json.dumps(posts))
    source_id = await add(api, key, source_kind="mastodon", url=web.url, hashtag="#derby", secret="token")
    await read(api, db, source_id)
    assert web.requests[-1].headers["authorization"] == "Bearer token"
    rows = (await page(api, key))["data"]
    assert [row["record_key"] for row in rows] == [f"https://social.example/{n}" for n in (3, 2, 1)]
    assert (rows[0]["author_user_key"], rows[0]["author_name"], rows[0]["caption"]) == ("ada@127.0.0.1", "Ada", "Go!")
    assert rows[0]["src_image_url"] == "https://social.example/p.jpg"
    assert (await api.ok(await api.public_get(f"/api/v1/streams/{key}/summary")))["reach"] == 36
    web.put("/api/v1/timelines/tag/derby", json.dumps([status(3), status(1)]))
    await read(api, db, source_id, hours=1)
    assert len(await captions(api, key)) == 2
    assert "token" not in str(await state(api, key, source_id))
    web.put("/api/v1/accounts/lookup", json.dumps(status(1)["account"]))
    web.put("/api/v1/accounts/9/statuses", json.dumps([status(9), status(8, reblog=status(1))]))
    await read(api, db, await add(api, key, source_kind="mastodon", url=web.url, account_name="@ada"))
    assert (await page(api, key))["data"][0]["record_key"] == "https://social.example/9"
    assert len(await captions(api, key)) == 3


async def test_bluesky(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)

    def post(number: int) -> dict[str, Any]:
        author = {"did": "did:plc:1", "handle": "ada.example.com", "displayName": "Ada"}
        return {"uri": f"at://did:plc:1/app.bsky.feed.post/{number}", "author": author,
                "record": {"text": f"Post {number}", "createdAt": moment(number).isoformat()},
                "indexedAt": moment(number).isoformat(),
                "embed": {"images": [{"fullsize": "https://cdn.example.com/1.jpg"}]}}  # fmt: skip

    web.put(
        "/xrpc/app.bsky.feed.getAuthorFeed", json.dumps({"feed": [{"post": post(2)}, {"post": post(1), "reason": {}}]})
    )
    await read(api, db, await add(api, key, source_kind="bluesky", url=web.url, account_name="ada.example.com"))
    [row] = (await page(api, key))["data"]
    assert (row["caption"], row["record_url"]) == ("Post 2", "https://bsky.app/profile/ada.example.com/post/2")
    assert row["src_image_url"] == "https://cdn.example.com/1.jpg"
    web.put("/xrpc/com.atproto.server.createSession", json.dumps({"accessJwt": "jwt"}))
    web.put("/xrpc/app.bsky.feed.searchPosts", json.dumps({"posts": [post(3), post(2)]}))
    source_id = await add(
        api, key, source_kind="bluesky", url=web.url, search_text="derby", user_name="club", secret="app password"
    )
    await read(api, db, source_id)
    assert json.loads(web.requests[-2].body) == {"identifier": "club", "password": "app password"}
    assert web.requests[-1].headers["authorization"] == "Bearer jwt"
    # A post that two sources bring is there once.
    assert await captions(api, key) == ["Post 3", "Post 2"]


async def test_form_submissions_go_with_their_fan(api: Api, db: Db) -> None:
    key = await new_stream(api)
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="form@example.com", first_name="Fia")))["fan_id"]
    path = f"/api/v1/crm/fans/{fan_id}/activities"
    for caption in ("My best match", "", "Second"):
        await api.ok(await api.post(path, campaign_title="Share your story", field_story=caption))
    campaigns = await api.ok(await api.get("/api/v1/crm/campaigns"))
    page_tab_id = next(row["page_tab_id"] for row in campaigns if row["title"] == "Share your story")
    source_id = await add(api, key, source_kind="form", page_tab_id=page_tab_id, caption_field="story")
    await read(api, db, source_id)
    await read(api, db, source_id, hours=1)
    rows = (await page(api, key))["data"]
    assert [(row["caption"], row["author_name"]) for row in rows] == [("Second", "Fia"), ("My best match", "Fia")]
    assert {row["author_user_key"] for row in rows} == {None}
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    assert await captions(api, key) == []


async def test_a_fault_stays_with_its_source_and_it_is_tried_later_and_later(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)
    bad = await add(api, key, source_kind="feed", url=web.put("/bad", "no feed"), interval_minutes=10)
    good = await add(api, key, source_kind="feed", url=web.put("/good", rss((1, "one"))))
    waits, source = [], await state(api, key, bad)
    for _ in range(3):
        row = await state(api, key, bad)
        hours = max(0.0, (row["next_timestamp"] - datetime.now(UTC).timestamp()) / 3600 + 0.01)
        await read(api, db, bad, hours=hours)
        source = await state(api, key, bad)
        waits.append(source["next_timestamp"] - source["last_read_timestamp"])
    await read(api, db, good)
    assert waits == [600, 1200, 2400]
    assert (source["fail_count"], source["last_error"]) == (3, "it is not a feed in RSS, Atom or JSON Feed")
    assert await captions(api, key) == ["one"]
    # A change lets it be read at once, and a success forgets the fault.
    web.put("/bad", rss((2, "two")))
    await api.ok(await api.post(f"{MANAGE}/{key}/sources/{bad}", source_name="News"))
    await read(api, db, bad)
    source = await state(api, key, bad)
    assert (source["fail_count"], source["last_error"], source["source_name"]) == (0, None, "News")
    web.put("/bad", b"", 429, Retry_After="7200")
    await read(api, db, bad, hours=1)
    source = await state(api, key, bad)
    assert source["next_timestamp"] - source["last_read_timestamp"] == 7200
    await api.ok(await api.post(f"{MANAGE}/{key}/sources/{bad}", is_enabled=False))
    request_count = len(web.requests)
    await read(api, db, bad, hours=9)
    assert len(web.requests) == request_count
    await api.ok(await api.delete(f"{MANAGE}/{key}/sources/{bad}"))


BOMB = "<!DOCTYPE rss [<!ENTITY a 'ha'>" + "".join(f"<!ENTITY a{n} '{'&a;' * 10}'>" for n in range(9)) + "]>"
HOSTILE: dict[str, tuple[bytes | str, str | None]] = {
    "an XML bomb": (rss((1, "x"), head=BOMB), "it defines entities, which feeds do not need"),
    "a file of the server": (
        rss((1, "x"), head="<!DOCTYPE rss [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"),
        "it defines entities, which feeds do not need",
    ),
    "too long": (
        b"<rss>" + b" " * (2 * 1024 * 1024),
        "it does not respond (NoAnswer: the answer is longer than 2097152 bytes)",
    ),
    "nested JSON": (b'{"version":' + b"[" * 5000, "its JSON Feed is not as expected"),
    "nested XML": ("<rss>" + "<a>" * 20_000, None),
    "empty": (b"", "it is not a feed in RSS, Atom or JSON Feed"),
    "NUL": (b"\0" * 1000, "it is not a feed in RSS, Atom or JSON Feed"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_feeds_are_refused(api: Api, db: Db, web: Site, name: str) -> None:
    key = await new_stream(api)
    body, fault = HOSTILE[name]
    source_id = await add(api, key, source_kind="feed", url=web.put("/hostile", body))
    await read(api, db, source_id)
    error = (await state(api, key, source_id))["last_error"]
    assert error == fault or (fault is None and error)
    assert await captions(api, key) == []


async def test_hostile_content_becomes_plain_text(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)
    body = (
        '<rss version="2.0"><channel><title>X</title>'
        "<item><guid>1</guid><link>javascript:alert(1)</link><title>Hi</title><description><![CDATA["
        "<script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:x'>text</a>\x07\u202eevil]]>"
        "</description>"
        "<enclosure type='image/png' url='data:image/png;base64,AAAA'/></item>"
        "<item><guid>2</guid><title>future</title><pubDate>Fri, 01 Jan 2199 00:00:00 GMT</pubDate></item>"
        "<item><guid>3</guid><title>past</title><pubDate>Fri, 01 Jan 1000 00:00:00 GMT</pubDate></item>"
        "</channel></rss>"
    )
    await read(api, db, await add(api, key, source_kind="feed", url=web.put("/content", body)))
    rows = {row["record_key"]: row for row in (await page(api, key))["data"]}
    assert rows["1"]["caption"] in ("Hi\ntextevil", "Hi\ntext evil")
    assert (rows["1"]["record_url"], rows["1"]["src_image_url"]) == (None, None)
    assert all(0 < row["creation_timestamp"] <= datetime.now(UTC).timestamp() for row in rows.values())


async def test_charsets(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)
    latin = rss((1, "Müller")).replace('version="1.0"', 'version="1.0" encoding="iso-8859-1"').encode("latin-1")
    wrong = rss((2, "Müller")).replace('version="1.0"', 'version="1.0" encoding="utf-8"').encode("latin-1")
    for path, body in [("/latin", latin), ("/wrong", wrong)]:
        await read(api, db, await add(api, key, source_kind="feed", url=web.put(path, body)))
    assert "Müller" in await captions(api, key)
    assert len(await captions(api, key)) == 2


async def test_redirects_lead_nowhere_inside(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)
    web.put("/there", rss((1, "one")))
    for target, fault in [
        ("/there", None),
        ("http://169.254.169.254/latest/meta-data", "the address must not be an address that is not public"),
        ("http://example.com/feed", "the address must begin with https://"),
        ("file:///etc/passwd", "the address must be a URL of at most"),
        ("/loop", "it redirects more than 3 times"),
    ]:
        url = web.put("/loop", b"", 302, Location=target)
        source_id = await add(api, key, source_kind="feed", url=url)
        await read(api, db, source_id)
        error = (await state(api, key, source_id))["last_error"]
        assert error is None if fault is None else error.startswith(fault), (target, error)
        await api.delete(f"{MANAGE}/{key}/sources/{source_id}")


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({}, ["source_kind"]),
        ({"source_kind": "feed"}, ["url"]),
        ({"source_kind": "feed", "url": "http://example.com/"}, ["url"]),
        ({"source_kind": "feed", "url": "https://10.0.0.1/"}, ["url"]),
        ({"source_kind": "mastodon", "url": "https://social.example"}, ["hashtag"]),
        ({"source_kind": "mailbox", "url": "https://mail.example"}, ["user_name", "secret", "url"]),
        ({"source_kind": "mailbox", "url": "imap://mail.example", "user_name": "a", "secret": "b"}, ["url"]),
        ({"source_kind": "form"}, ["page_tab_id", "caption_field"]),
    ],
)
async def test_wrong_sources_are_refused(api: Api, fields: dict[str, Any], faults: list[str]) -> None:
    key = await new_stream(api)
    answer = await api.post(f"{MANAGE}/{key}/sources", **fields)
    assert [error["field"] for error in answer.json()["errors"]] == faults
