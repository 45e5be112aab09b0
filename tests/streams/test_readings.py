"""What readings of sources store, replace, delete, and leave for the next one."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from asyncpg import UniqueViolationError

from fanfare.kernel.callers import Caller
from fanfare.kernel.data.db import Db
from fanfare.streams.actions import deleting, reading
from fanfare.streams.actions.deleting import forget_authors, forget_records, forget_senders, forget_streams
from fanfare.streams.actions.submitting import TooManyRecords
from fanfare.streams.actions.submitting import submit as submit_record
from fanfare.streams.gateways import mastodon
from fanfare.streams.schemas.records import NewRecord
from tests.api import Api
from tests.streams.sites import Site, site
from tests.streams.test_mailbox import Mailbox, add_mailbox, imap_server, mail
from tests.streams.test_records import MANAGE, ids, moderate, new_stream, page, submit
from tests.streams.test_sources import add, captions, read, rss, state, status
from tests.streams.test_summary import check_counts


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    with site() as result:
        yield result


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with imap_server() as result:
        yield result


async def test_what_is_too_old_does_not_come_back(api: Api, db: Db, web: Site) -> None:
    # Post 1 is 99 hours old, the last one of an hour ago; the third has no date.
    key = await new_stream(api, retention_days=2)
    undated = "<item><guid>undated</guid><title>undated</title></item>"
    feed = rss((1, "old"), (99, "new")).replace("</channel>", f"{undated}</channel>")
    source_id = await add(api, key, source_kind="feed", url=web.put("/old", feed))
    await read(api, db, source_id)
    assert sorted(await captions(api, key)) == ["new", "undated"]
    record_ids = sorted(await ids(api, key))
    await moderate(api, key, record_ids[0], "remove")
    for days in (1, 3, 4):
        now = datetime.now(UTC) + timedelta(days=days)
        await forget_records(db, api.account_id, now)
        await read(api, db, source_id, hours=24 * days)
        assert set(await ids(api, key)) <= set(record_ids)
    assert await ids(api, key) == []


async def test_an_author_goes_with_the_last_record(other_api: Api, db: Db) -> None:
    api = other_api
    key = await new_stream(api, retention_days=1)
    record_ids = [await submit(api, key, email=f"{name}@example.com") for name in ("ada", "bea")]
    author_id = (await api.ok(await api.get(f"/api/v1/streams/{key}/records/{record_ids[1]}")))["author_id"]
    await api.ok(await api.post(f"{MANAGE}/{key}/authors/{author_id}", author_status="blocked"))
    authors = "select author_key from stream_authors where account_id = $1"
    await forget_records(db, api.account_id, datetime.now(UTC))
    await forget_authors(db, api.account_id)
    assert len(await db.rows(authors, api.account_id)) == 2
    await forget_records(db, api.account_id, datetime.now(UTC) + timedelta(days=2))
    await forget_authors(db, api.account_id)
    # Whom staff has blocked stays blocked.
    assert [row["author_key"] for row in await db.rows(authors, api.account_id)] == ["email:bea@example.com"]
    await check_counts(db, api, key)


async def test_a_changed_post_keeps_its_record(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api, trust_level="moderated")
    picture = "<enclosure type='image/png' url='https://news.example.com/{}.png'/>"
    url = web.put("/changes", rss((1, "one"), (2, "two"), (3, "three"), extra=picture.format("a?visit=1")))
    source_id = await add(api, key, source_kind="feed", url=url)
    await read(api, db, source_id)
    rows = await api.ok(await api.get(f"{MANAGE}/{key}/records"))
    one, two, three = (row["feed_record_id"] for row in rows)
    await moderate(api, key, one, "approve")
    await moderate(api, key, two, "approve")
    await moderate(api, key, one, "label", label_key="best")
    web.put("/changes", rss((1, "one more goal"), (2, "two"), (3, "three"), extra=picture.format("a?visit=2")))
    await read(api, db, source_id, hours=1)
    # Staff reviews this author, so what staff has not seen waits.
    assert await ids(api, key) == [two]
    data = await changed_fields(db, api)
    assert data[str(one)][-1] == ["caption", "record_status"]
    await moderate(api, key, one, "approve")
    assert await ids(api, key, q="goal", label_key="best") == [one]
    assert await ids(api, key, q="one") == [one]
    [row] = (await page(api, key, q="goal"))["data"]
    assert (row["caption"], row["labels"], row["author_name"]) == ("one more goal", ["best"], "News")
    assert str(three) not in data
    assert str(three) not in await changed_fields(db, api)
    await check_counts(db, api, key)


async def test_nobody_reviews_what_changed_in_an_open_stream(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)
    picture = "<enclosure type='image/png' url='https://news.example.com/{}.png'/>"
    source_id = await add(api, key, source_kind="feed", url=web.put("/open", rss((1, "one"), (2, "two"))))
    await read(api, db, source_id)
    one, two = sorted(await ids(api, key))
    # The list refuses a word, in an open stream too.
    web.put("/open", rss((1, "what a fuck"), (2, "two"), extra=picture.format("b")))
    await read(api, db, source_id, hours=2)
    assert await ids(api, key) == [two]
    data = await changed_fields(db, api)
    assert data[str(one)][-1] == ["caption", "image_url", "record_status"]
    assert data[str(two)] == [["image_url"]]
    await check_counts(db, api, key)


async def changed_fields(db: Db, api: Api) -> dict[str, list[list[str]]]:
    """Return the fields of each announcement of a changed record, by its id."""
    rows = await db.rows(
        "select subject_id, data from changes where account_id = $1 and topic = 'stream_record.updated'"
        " order by position",
        api.account_id,
    )
    result: dict[str, list[list[str]]] = {}
    for row in rows:
        result.setdefault(str(row["subject_id"]), []).append(row["data"]["fields"])
    return result


async def test_another_source_does_not_change_a_record(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)
    for path, caption in [("/first", "right"), ("/second", "forged")]:
        await read(api, db, await add(api, key, source_kind="feed", url=web.put(path, rss((1, caption)))))
    assert await captions(api, key) == ["right"]


async def test_what_cannot_be_stored_is_a_fault_of_the_source(api: Api, db: Db, web: Site) -> None:
    key = await new_stream(api)
    path = "/api/v1/accounts/9/statuses"
    account = {**status(1)["account"], "id": "9\0"}
    web.put("/api/v1/accounts/lookup", json.dumps(account))
    web.put("/api/v1/accounts/9%00/statuses", json.dumps([status(1)]))
    web.put(path, json.dumps([status(1)]))
    source_id = await add(api, key, source_kind="mastodon", url=web.url, account_name="ada")
    await read(api, db, source_id)
    source = await state(api, key, source_id)
    assert source["fail_count"] == 1
    assert source["last_error"].startswith("it has what cannot be stored")
    assert source["next_timestamp"] > source["last_read_timestamp"]
    # A URL that cannot be stored is left out, and the record is there.
    web.put("/nul", json.dumps({"version": "1", "items": [{"id": 1, "url": "https://x.example/\0", "title": "x"}]}))
    await read(api, db, await add(api, key, source_kind="feed", url=f"{web.url}/nul"))
    [row] = (await page(api, key, networks="rss"))["data"]
    assert row["record_url"] is None


async def test_html_of_strangers_is_read_beside_the_loop(
    api: Api, db: Db, web: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await new_stream(api)
    threads = set()

    def plain_text(html: str) -> tuple[str, list[str]]:
        threads.add(threading.current_thread())
        return html, []

    monkeypatch.setattr(mastodon, "plain_text", plain_text)
    web.put("/api/v1/timelines/tag/threads", json.dumps([status(50)]))
    await read(api, db, await add(api, key, source_kind="mastodon", url=web.url, hashtag="threads"))
    assert threads
    assert threading.main_thread() not in threads


async def test_mails_beyond_the_limit_of_an_author_come_later(api: Api, db: Db, mailbox: Mailbox) -> None:
    key = await new_stream(api, author_limit=2)
    mailbox.messages = {
        **{number: mail(f"of Ada {number}", "x") for number in range(1, 6)},
        6: mail("of Bea", "x", "bea@example.com"),
    }
    source_id = await add_mailbox(api, key, mailbox)
    await read(api, db, source_id)
    assert await captions(api, key) == ["of Bea\nx", "of Ada 2\nx", "of Ada 1\nx"]
    await read(api, db, source_id, hours=1.5)
    assert (await captions(api, key))[:2] == ["of Ada 4\nx", "of Ada 3\nx"]
    await read(api, db, source_id, hours=3)
    assert (await captions(api, key))[0] == "of Ada 5\nx"
    assert len(await captions(api, key)) == 6


async def test_entries_of_a_form_beyond_the_limit_come_later(api: Api, db: Db) -> None:
    key = await new_stream(api, author_limit=2)
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="limit@example.com")))["fan_id"]
    for number in range(5):
        await api.ok(
            await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title="Limits", field_story=f"s{number}")
        )
    campaigns = await api.ok(await api.get("/api/v1/crm/campaigns"))
    page_tab_id = next(row["page_tab_id"] for row in campaigns if row["title"] == "Limits")
    source_id = await add(api, key, source_kind="form", page_tab_id=page_tab_id, caption_field="story")
    for hours, expected in [(0, "s1"), (1.5, "s3"), (3, "s4")]:
        await read(api, db, source_id, hours=hours)
        assert (await captions(api, key))[0] == expected
    assert await captions(api, key) == ["s4", "s3", "s2", "s1", "s0"]


async def test_a_full_reading_goes_on_at_once(api: Api, db: Db, mailbox: Mailbox) -> None:
    key = await new_stream(api)
    mailbox.messages = {number: mail(f"mail {number}", "x") for number in range(1, 121)}
    source_id = await add_mailbox(api, key, mailbox)
    for count in (50, 100):
        await read(api, db, source_id)
        source = await state(api, key, source_id)
        assert source["next_timestamp"] == source["last_read_timestamp"]
        assert len((await page(api, key, limit=200))["data"]) == count
    await read(api, db, source_id)
    source = await state(api, key, source_id)
    assert source["next_timestamp"] == source["last_read_timestamp"] + 900
    assert len((await page(api, key, limit=200))["data"]) == 120


async def test_a_folder_that_is_not_listed_loses_nothing(api: Api, db: Db, mailbox: Mailbox) -> None:
    key = await new_stream(api, trust_level="moderated")
    mailbox.messages = {1: mail("one", "x"), 2: mail("two", "x"), 3: mail("three", "x")}
    source_id = await add_mailbox(api, key, mailbox)
    await read(api, db, source_id)
    rows = await api.ok(await api.get(f"{MANAGE}/{key}/records"))
    record_ids = [row["feed_record_id"] for row in rows]
    await moderate(api, key, record_ids[0], "approve")
    await moderate(api, key, record_ids[1], "remove")
    mailbox.refuses_search = True
    await read(api, db, source_id, hours=1)
    mailbox.refuses_search = False
    assert (await state(api, key, source_id))["last_error"] == "it does not list its messages"
    messages, mailbox.messages = mailbox.messages, {}
    await read(api, db, source_id, hours=2)
    assert await ids(api, key) == record_ids[:1]
    # The server numbers its messages anew, and one of them is gone.
    mailbox.validity, mailbox.messages = 8, {number + 10: messages[number] for number in (1, 2)}
    await read(api, db, source_id, hours=3)
    rows = await api.ok(await api.get(f"{MANAGE}/{key}/records"))
    assert [(row["feed_record_id"], row["record_status"]) for row in rows] == list(
        zip(record_ids, ("approved", "removed", "waiting"), strict=True)
    )
    # From now on a message that is gone is deleted again.
    del mailbox.messages[11]
    await read(api, db, source_id, hours=4)
    assert await ids(api, key) == []


async def test_a_stranger_does_not_use_up_the_hour_of_an_author(api: Api, db: Db) -> None:
    key = await new_stream(api, author_limit=2)
    new = NewRecord(stream_key=key, email="hour@example.com", name="Ada", caption="x")
    results = []
    for address in ("203.0.113.7", "203.0.113.7", "203.0.113.7", "198.51.100.9", "2001:db8::1", "2001:db8::2"):
        try:
            await submit_record(db, api.account_id, new, Caller(address, has_secret=False), datetime.now(UTC))
            results.append("stored")
        except TooManyRecords:
            results.append("refused")
    assert results == ["stored", "stored", "refused", "stored", "stored", "stored"]
    assert "203.0.113" not in str(await db.rows("select * from stream_records where account_id = $1", api.account_id))


async def test_who_sent_a_record_is_cleared_after_the_hour(other_api: Api, db: Db) -> None:
    api, key = other_api, await new_stream(other_api)
    await submit(api, key, "from a stranger")
    await api.ok(await api.post(f"/api/v1/streams/{key}/records", name="Staff", caption="from staff"))
    count = "select count(sender_key) from stream_records where account_id = $1"
    assert await db.value(count, api.account_id) == 1
    await forget_senders(db, api.account_id, datetime.now(UTC) + timedelta(minutes=50))
    assert await db.value(count, api.account_id) == 1
    await forget_senders(db, api.account_id, datetime.now(UTC) + timedelta(minutes=61))
    assert await db.value(count, api.account_id) == 0


async def test_identical_messages_that_are_numbered_anew_stay(api: Api, db: Db, mailbox: Mailbox) -> None:
    key = await new_stream(api)
    undated = b"From: ada@example.com\r\nSubject: undated\r\n\r\nx"
    mailbox.validity, mailbox.messages = 21, {1: mail("form", "x"), 2: mail("form", "x"), 3: undated}
    source_id = await add_mailbox(api, key, mailbox)
    await read(api, db, source_id)
    before = await ids(api, key)
    # Numbered anew twice, the second time after a reading that failed in the middle.
    mailbox.validity, mailbox.messages = 22, {11: mail("form", "x"), 12: mail("form", "x"), 13: undated}
    await read(api, db, source_id, hours=1)
    await db.execute("update stream_sources set reading_state = '{}' where source_id = $1", source_id)
    await read(api, db, source_id, hours=2)
    assert await ids(api, key) == before
    former = "update stream_records set record_key = 'former:' || feed_record_id where feed_record_id = $1"
    await db.execute(former, before[1])
    await db.execute("update stream_sources set reading_state = '{}' where source_id = $1", source_id)
    await read(api, db, source_id, hours=3)
    assert (await state(api, key, source_id))["last_error"] is None
    assert await ids(api, key) == before


async def test_a_key_that_is_taken_is_a_fault_of_the_source(
    api: Api, db: Db, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await new_stream(api)
    mailbox.messages = {1: mail("one", "x")}
    source_id = await add_mailbox(api, key, mailbox)

    async def fail(*_: object) -> None:
        raise UniqueViolationError

    monkeypatch.setattr(reading, "_rename", fail)
    await read(api, db, source_id)
    assert (await state(api, key, source_id))["last_error"] == "it has what cannot be stored (UniqueViolationError)"


async def test_what_a_deleted_stream_had_is_deleted_in_batches(
    other_api: Api, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = other_api
    monkeypatch.setattr(deleting, "BATCH", 2)
    key, other_key = await new_stream(api), await new_stream(api, retention_days=1)
    for number in range(5):
        await submit(api, key, email=f"{number}@example.com")
        await submit(api, other_key, email=f"{number}@example.com")
    rows = await db.rows("select stream_id from streams where stream_key = any($1::text[])", [key, other_key])
    stream_ids = [row["stream_id"] for row in rows]
    await api.ok(await api.delete(f"{MANAGE}/{key}"))
    await forget_streams(db, api.account_id)
    await forget_records(db, api.account_id, datetime.now(UTC) + timedelta(days=2))
    count = "select count(*) from stream_authors where stream_id = any($1::bigint[])"
    assert await db.value(count, stream_ids) == 5
    # Who stores a record of an author is not waited for.
    async with db.transaction() as tx:
        lock = "select author_id from stream_authors where stream_id = any($1) order by author_id limit 1 for update"
        await tx.value(lock, stream_ids)
        await forget_authors(db, api.account_id)
        assert await db.value(count, stream_ids) == 1
    await forget_authors(db, api.account_id)
    assert await db.value(count, stream_ids) == 0
    rows = await db.rows("select stream_key from streams where stream_id = any($1::bigint[])", stream_ids)
    assert [row["stream_key"] for row in rows] == [other_key]
