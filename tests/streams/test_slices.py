"""Slices of streams: searches go through them, and nobody has a search that reads a whole stream."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.streams.actions.deleting import forget_records
from fanfare.streams.queries import records
from fanfare.streams.queries.pictures import picture
from fanfare.streams.queries.records import public_page, search
from fanfare.streams.queries.streams import stream_by_key
from fanfare.streams.schemas.records import RecordFilter
from tests.api import Api
from tests.streams.test_records import MANAGE, ids, moderate, new_stream, page, submit


async def many_records(db: Db, key: str, count: int = 6000, slice_size: int = 500) -> None:
    """Add records to a stream: every other one from one place, words that never meet, and one that is rare."""
    await db.execute(
        """
        with stream as (select stream_id, account_id from streams where stream_key = $1),
        author as (
            insert into stream_authors (account_id, author_id, stream_id, network, author_key, author_status,
                stored_count, approved_count, created_at)
            select account_id, nextval('positions'), stream_id, 'rss', 'a', 'new', $2, $2, now() from stream
            returning account_id, stream_id, author_id),
        counts as (
            insert into stream_days
            select account_id, stream_id, '', (now() at time zone 'UTC')::date, $2, $2, 0 from stream),
        author_counts as (insert into stream_author_counts select account_id, stream_id, 1 from stream),
        numbers as (
            select nextval('positions') as n, i, (i - 1) / $3::int as slice from generate_series(1, $2::int) i),
        slices as (select slice, min(n) - 1 as slice_position from numbers group by 1),
        saved as (
            insert into stream_slices select account_id, stream_id, slice_position, $3 from slices cross join stream)
        insert into stream_records (account_id, feed_record_id, stream_id, network, record_key, author_id,
            record_status, time_position, slice_position, approved_at, created_at, stored_at, caption, links, latitude,
            longitude, labels, terms, reach, props)
        select account_id, n, stream_id, 'rss', n, author_id, 'approved', n, slice_position, now(), now(), now(), '',
               '[]', case when i = 7 then 10 when i % 2 = 0 then 49 end,
               case when i = 7 then 20 when i % 2 = 0 then -123 end, '{}',
               case i when 7 then '{rare,@network:odd}'::text[] else '{common}' end
               || case i % 2 when 0 then '{even,@network:rss}'::text[] else '{uneven,@network:mail}' end, 0, '{}'
        from numbers join slices using (slice) cross join author
        """,
        key,
        count,
        slice_size,
    )
    await db.execute("analyze stream_records, stream_slices")


def box(latitude: float, longitude: float) -> dict[str, float]:
    """Return a map box around a place."""
    return {
        "start_latitude": latitude - 0.5,
        "end_latitude": latitude + 0.5,
        "start_longitude": longitude - 0.5,
        "end_longitude": longitude + 0.5,
    }


async def test_a_rare_record_far_back_is_there_for_each_filter(api: Api, db: Db) -> None:
    key = await new_stream(api)
    await many_records(db, key, 2500)
    there = box(10, 20)
    for filters in ({"q": "rare"}, {"networks": "odd"}, {"networks": "odd,form"}, there, {"q": "rare", **there}):
        [record_id] = await ids(api, key, **filters)
        assert await ids(api, key, **filters, min_time_key="0_0_0") == [record_id]
        assert await ids(api, key, **filters, min_time_key=f"0_0_{record_id - 1}") == [record_id]
        assert await ids(api, key, **filters, min_time_key=f"0_0_{record_id}") == []
        assert await ids(api, key, **filters, max_time_key=f"0_0_{record_id + 1}") == [record_id]
        assert await ids(api, key, **filters, max_time_key=f"0_0_{record_id}") == []


async def test_pages_with_a_filter_lead_through_all_slices(api: Api, db: Db) -> None:
    key = await new_stream(api)
    await many_records(db, key, 300, slice_size=32)
    for filters in ({"q": "even"}, {"networks": "rss"}, box(49, -123), {"q": "common", **box(49, -123)}):
        forwards: list[int] = []
        backwards: list[int] = []
        for record_ids, order in ((forwards, "min"), (backwards, "max")):
            query: dict[str, Any] = {"min_time_key": "0_0_0"} if order == "min" else {}
            while rows := (answer := await page(api, key, **filters, **query, limit=40))["data"]:
                record_ids += [row["feed_record_id"] for row in rows]
                query = {f"{order}_time_key": answer["meta"][f"{'max' if order == 'min' else 'min'}_time_key"]}
        assert len(forwards) == 150
        assert forwards == sorted(forwards) == backwards[::-1]


# Rows that a search reads for its page of 50.
FEW = 1200
READ = """
    select idx_tup_fetch + seq_tup_read from pg_stat_xact_user_tables where relname = 'stream_records'
"""


async def stops_early(db: Db) -> bool:
    """Return whether the planner always stops at the first slices that suffice: that of PostgreSQL 15 may read on."""
    return int(await db.value("select current_setting('server_version_num')")) >= 160000


async def test_no_search_reads_a_whole_stream(other_api: Api, db: Db) -> None:
    key = await new_stream(other_api)
    await many_records(db, key)
    empty = box(49, -122)
    filters_to_try: list[dict[str, Any]] = [
        {"q": "even"}, {"q": "nowhere"}, {"q": "even uneven"}, {"q": "even", "networks": ["mail"]},
        {"q": "even", "networks": ["odd", "form"]}, {"networks": ["nowhere"]}, {"networks": ["form", "nowhere"]},
        empty, {"q": "even", **empty}, {"networks": ["mail"], **empty}, {"networks": ["mail", "rss"], **empty},
        {"q": "rare", "min_time_key": "0_0_0"}, {"q": "even", "min_time_key": "0_0_0"},
    ]  # fmt: skip
    if await stops_early(db):
        filters_to_try.append({"q": "even", "min_time_key": "0_0_0", **box(49, -123)})
    for filters in filters_to_try:
        async with db.transaction() as tx:
            await search(tx, other_api.account_id, RecordFilter(stream_key=key, **filters))
            assert await tx.value(READ) < FEW, filters


# Records whose position is not in their slice: after its beginning, and not after that of the next one.
ASTRAY = """
    with slices as (
        select slice_position,
               lead(slice_position) over (partition by stream_id order by slice_position) as next_position
        from stream_slices where account_id = $1
    )
    select count(*) from stream_records r left join slices s using (slice_position)
    where r.account_id = $1 and r.time_position is not null
      and not coalesce(r.time_position > s.slice_position
                       and (s.next_position is null or r.time_position <= s.next_position), false)
"""


async def test_simultaneous_writers_keep_positions_in_their_slices(other_api: Api, db: Db) -> None:
    key = await new_stream(other_api)
    first = [await submit(other_api, key, f"word {number}") for number in range(8)]
    for _ in range(3):
        # The next writer begins a slice, while others come.
        await db.execute("update stream_slices set record_count = 4096 where account_id = $1", other_api.account_id)
        await asyncio.gather(
            *(submit(other_api, key, f"word {number}", email=f"{number}@example.com") for number in range(8)),
            *(moderate(other_api, key, record_id, "remove") for record_id in first[:4]),
            *(moderate(other_api, key, record_id, "approve") for record_id in first[4:]),
        )
        await asyncio.gather(*(moderate(other_api, key, record_id, "approve") for record_id in first[:4]))
        await asyncio.gather(*(moderate(other_api, key, record_id, "remove") for record_id in first[4:]))
    assert await db.value(ASTRAY, other_api.account_id) == 0
    assert await ids(other_api, key, q="word", limit=100) == await ids(other_api, key, limit=100)
    assert len(await ids(other_api, key, limit=100)) == 28


async def test_slices_are_deleted_with_their_records(other_api: Api, db: Db) -> None:
    key = await new_stream(other_api, author_limit=10_000)
    record_ids = []
    for number in range(4):
        record_ids.append(await submit(other_api, key, f"word {number}"))
        # The slice is full.
        await db.execute("update stream_slices set record_count = 4096 where account_id = $1", other_api.account_id)
    assert await ids(other_api, key, q="word") == record_ids[::-1]
    assert await ids(other_api, key, q="word", min_time_key="0_0_0") == record_ids
    count = """
        select count(*) from stream_slices s join streams t using (account_id, stream_id) where t.stream_key = $1
    """
    assert await db.value(count, key) == 4
    await moderate(other_api, key, record_ids[1], "remove")
    await forget_records(db, other_api.account_id, datetime.now(UTC))
    assert await db.value(count, key) == 3
    await moderate(other_api, key, record_ids[1], "approve")
    assert await ids(other_api, key, q="word") == [record_ids[1], record_ids[3], record_ids[2], record_ids[0]]


async def test_a_slice_stays_for_its_last_record(other_api: Api, db: Db) -> None:
    key = await new_stream(other_api)
    # Slices of the migration begin at the last record of the slice before.
    await many_records(db, key, 10, slice_size=5)
    record_ids = await ids(other_api, key, min_time_key="0")
    for record_id in [*record_ids[:4], *record_ids[5:]]:
        await moderate(other_api, key, record_id, "remove")
    await forget_records(db, other_api.account_id, datetime.now(UTC))
    assert await ids(other_api, key, q="common") == [record_ids[4]]


async def test_a_slice_counts_what_it_has(other_api: Api, db: Db) -> None:
    key = await new_stream(other_api)
    record_ids = [await submit(other_api, key, "word") for _ in range(3)]
    for _ in range(3):
        order = {"feed_record_ids": [*record_ids, 1], "action": "approve"}
        await other_api.ok(await other_api.post(f"{MANAGE}/{key}/records/moderate", **order))
    count = (
        "select sum(record_count) from stream_slices join streams using (account_id, stream_id) where stream_key = $1"
    )
    assert await db.value(count, key) == 3
    await moderate(other_api, key, record_ids[0], "remove")
    await moderate(other_api, key, record_ids[0], "approve")
    assert await db.value(count, key) == 4


async def test_a_picture_of_many_waiting_records_is_looked_up_in_few(other_api: Api, db: Db) -> None:
    if not await stops_early(db):
        pytest.skip("PostgreSQL 15 reads more: docs/decisions/0061-streams.md")
    key = await new_stream(other_api)
    await many_records(db, key, 3000)
    rows = await db.rows(
        """
        update stream_records set picture_key = 'same', record_status = 'removed', time_position = null,
               slice_position = null, approved_at = null
        where stream_id = (select stream_id from streams where stream_key = $1)
        returning stream_id
        """,
        key,
    )
    for table in ("stream_days", "stream_authors"):
        await db.execute(f"update {table} set approved_count = 0 where stream_id = $1", rows[0]["stream_id"])
    await db.execute("delete from stream_author_counts where stream_id = $1", rows[0]["stream_id"])
    await db.execute("analyze stream_records")
    insert = "insert into stream_pictures (account_id, picture_key, content, created_at) values ($1, 'same', '', now())"
    await db.execute(insert, other_api.account_id)
    async with db.transaction() as tx:
        before = await tx.value(READ)
        with pytest.raises(Unknown):
            await picture(tx, other_api.account_id, "same", "")
        assert await tx.value(READ) - before < 100


async def test_a_search_without_a_key_goes_through_some_slices_at_a_time(
    api: Api, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await new_stream(api)
    await many_records(db, key, 300, slice_size=32)
    # It ends in slices of the migration and of the server.
    later = [await submit(api, key, "common even", email=f"{number}@example.com") for number in range(3)]
    stream = await stream_by_key(db, api.account_id, key)
    every = {word: await ids(api, key, q=word, limit=500) for word in ("even", "rare", "even uneven")}
    assert every["even"][:3] == later[::-1]
    monkeypatch.setattr(records, "PUBLIC_SLICES", 2)
    for word, record_ids in every.items():
        for order in ("min", "max"):
            query: dict[str, Any] = {"min_time_key": "0_0_0"} if order == "min" else {}
            results: list[int] = []
            pages = 0
            while True:
                filters = RecordFilter(stream_key=key, q=word, limit=40, **query)
                result = await public_page(db, stream, filters)
                results += [row.feed_record_id for row in result.data]
                pages += 1
                if not result.meta.has_more:
                    break
                query = {f"{order}_time_key": result.meta.max_time_key if order == "min" else result.meta.min_time_key}
            assert results == (record_ids[::-1] if order == "min" else record_ids), word
            assert pages > 4, word
