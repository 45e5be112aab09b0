"""The summary of a stream: what is kept agrees with what is there, whatever happens to records."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from fanfare.kernel.data.db import Db
from fanfare.streams.actions.storing import store
from fanfare.streams.queries.streams import stream_by_key
from fanfare.streams.schemas.entries import Author, Entry, Origin
from tests.api import Api
from tests.streams.test_records import MANAGE, moderate, new_stream, submit

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
# What the counts must be, from the rows.
EXPECTED_DAYS = """
    select label.label_key, (r.created_at at time zone 'UTC')::date as record_date, count(*) as stored_count,
           count(*) filter (where r.record_status = 'approved') as approved_count,
           coalesce(sum(r.reach) filter (where r.record_status = 'approved'), 0)::bigint as reach
    from stream_records r cross join unnest(r.labels || ''::text) as label (label_key)
    where r.account_id = $1 and r.stream_id = $2
    group by 1, 2 order by 1, 2
"""
DAYS = """
    select label_key, record_date, stored_count, approved_count, reach from stream_days
    where account_id = $1 and stream_id = $2 and (stored_count, approved_count, reach) <> (0, 0, 0) order by 1, 2
"""
AUTHORS = """
    select a.author_id from stream_authors a
    where a.account_id = $1 and a.stream_id = $2 and (a.stored_count, a.approved_count) <> (
        select count(*), count(*) filter (where r.record_status = 'approved') from stream_records r
        where r.account_id = $1 and r.author_id = a.author_id)
"""


async def import_entries(db: Db, api: Api, key: str, entries: list[Entry], **origin: Any) -> list[int]:
    stream = await stream_by_key(db, api.account_id, key)
    result = await store(db, stream, entries, Origin(origin.pop("network", "rss"), **origin), datetime.now(UTC))
    return list(result.record_ids.values())


def entry(number: int, author: str = "ada", **fields: Any) -> Entry:
    values: dict[str, Any] = {"caption": f"Post {number}", "created_at": NOON, **fields}
    return Entry(record_key=str(number), author=Author(author, author, follower_count=10), **values)


async def check_counts(db: Db, api: Api, key: str) -> None:
    """Compare every count with the rows."""
    stream = await stream_by_key(db, api.account_id, key)
    place = (api.account_id, stream.stream_id)
    assert await db.rows(DAYS, *place) == await db.rows(EXPECTED_DAYS, *place)
    assert await db.rows(AUTHORS, *place) == []
    distinct = """
        select count(distinct author_id) from stream_records
        where account_id = $1 and stream_id = $2 and record_status = 'approved'
    """
    summary = await api.ok(await api.public_get(f"/api/v1/streams/{key}/summary"))
    assert summary["authors"] == await db.value(distinct, *place)


async def summary(api: Api, key: str, **query: Any) -> Any:
    return await api.ok(await api.public_get(f"/api/v1/streams/{key}/summary", **query))


async def test_totals_words_hashtags_and_labels(api: Api, db: Db) -> None:
    key = await new_stream(api)
    await import_entries(
        db,
        api,
        key,
        [
            entry(1, caption="Goal goal! #derby", labels=["home"]),
            entry(2, "bea", caption="goal #derby", created_at=NOON + timedelta(days=1)),
            entry(3, "bea", caption="nothing", created_at=NOON + timedelta(days=2), labels=["home"]),
        ],
    )
    result = await summary(api, key, data="words,hashtags,labels")
    assert (result["total_stored"], result["total"], result["approved_total"]) == (3, 3, 3)
    assert (result["authors"], result["reach"], result["sampled_count"]) == (2, 30, 3)
    assert result["last_record_timestamp"] == int((NOON + timedelta(days=2)).timestamp())
    assert result["words"] == [
        {"term": "derby", "count": 2}, {"term": "goal", "count": 2}, {"term": "nothing", "count": 1},
    ]  # fmt: skip
    assert result["hashtags"] == [{"term": "#derby", "count": 2}]
    assert result["labels"] == [{"label_key": "home", "count": 2}]
    result = await summary(api, key, data="words", label_key="Home")
    assert (result["total_stored"], result["total"], result["authors"], result["labels"]) == (3, 2, 2, None)
    assert [each["term"] for each in result["words"]] == ["derby", "goal", "nothing"]
    assert (await summary(api, key))["words"] is None


async def test_a_window_counts_whole_days_and_parts_of_days(api: Api, db: Db) -> None:
    key = await new_stream(api)
    moments = [NOON + timedelta(hours=6 * step) for step in range(20)]
    await import_entries(db, api, key, [entry(n, created_at=moment) for n, moment in enumerate(moments)])
    midnight = NOON.replace(hour=0)
    for start, end in [
        (NOON, NOON + timedelta(hours=6)),
        (NOON - timedelta(days=9), NOON + timedelta(days=2, hours=7)),
        (midnight, midnight + timedelta(days=1)),
        (midnight + timedelta(hours=1), midnight + timedelta(days=3, hours=1)),
        (midnight + timedelta(hours=13), midnight + timedelta(days=1)),
        (NOON, NOON),
    ]:
        expected = sum(start <= moment < end for moment in moments)
        window = {"start_time": int(start.timestamp()), "end_time": int(end.timestamp())}
        result = await summary(api, key, **window)
        assert (window, result["total"], result["approved_total"]) == (window, expected, expected)
        assert result["reach"] == 10 * expected
        assert result["authors"] == (expected > 0)
    answer = await api.public_get(f"/api/v1/streams/{key}/summary", start_time=200, end_time=100)
    assert [error["field"] for error in answer.json()["errors"]] == ["end_time"]


async def test_counts_agree_with_the_rows_after_anything(api: Api, db: Db) -> None:
    key = await new_stream(api, trust_level="regulars")
    chance = Random(1)
    record_ids: list[int] = []
    for step in range(40):
        moment = NOON + timedelta(days=chance.randrange(3))
        record_ids += await import_entries(
            db, api, key, [entry(step * 10 + n, chance.choice("abc"), created_at=moment) for n in range(2)]
        )
        action = chance.choice(["approve", "remove", "label", "unlabel"])
        label_key = chance.choice(["x", "y"])
        await moderate(api, key, chance.choice(record_ids), action, label_key=label_key)
        chosen = chance.sample(record_ids, min(5, len(record_ids)))
        await api.ok(
            await api.post(
                f"{MANAGE}/{key}/records/moderate", feed_record_ids=chosen, action=action, label_key=label_key
            )
        )
    await check_counts(db, api, key)
    author_id = (await api.ok(await api.get(f"/api/v1/streams/{key}/records/{record_ids[0]}")))["author_id"]
    await api.ok(await api.post(f"{MANAGE}/{key}/authors/{author_id}", author_status="blocked"))
    await check_counts(db, api, key)
    await submit(api, key)
    await api.ok(await api.post(f"{MANAGE}/{key}", retention_days=1))
    await check_counts(db, api, key)


async def test_an_entry_is_stored_once(api: Api, db: Db) -> None:
    key = await new_stream(api)
    first = await import_entries(db, api, key, [entry(1), entry(2)])
    assert len(first) == 2
    assert await import_entries(db, api, key, [entry(1), entry(2), entry(3)]) != first
    assert (await summary(api, key))["total"] == 3
    await check_counts(db, api, key)


async def test_times_of_sources_are_taken_within_reason(api: Api, db: Db) -> None:
    key = await new_stream(api)
    future, past = datetime(2199, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)
    await import_entries(db, api, key, [entry(1, created_at=future), entry(2, created_at=past)])
    rows = (await api.ok(await api.public_get(f"/api/v1/streams/{key}/records")))["data"]
    assert rows[1]["creation_timestamp"] <= datetime.now(UTC).timestamp()
    assert rows[0]["creation_timestamp"] == datetime(1990, 1, 1, tzinfo=UTC).timestamp()
