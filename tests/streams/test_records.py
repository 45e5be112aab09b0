"""Streams and their records: submitting, searching, paging and moderation."""

import asyncio
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api

# Rows are written without their totals.
FILLS_TABLES = True

MANAGE = "/api/v1/manage/streams"


async def new_stream(api: Api, **settings: Any) -> str:
    values = {"stream_name": "Match day", "trust_level": "open", "is_public": True, "author_limit": 10_000, **settings}
    return str((await api.ok(await api.post(MANAGE, **values)))["stream_key"])


async def submit(api: Api, key: str, caption: str = "Go!", **fields: Any) -> int:
    """Submit a record as a site does, with the public key."""
    values = {"email": "ada@example.com", "name": "Ada", "caption": caption, **fields}
    return int((await api.ok(await api.public_post(f"/api/v1/streams/{key}/records", **values)))["feed_record_id"])


async def page(api: Api, key: str, **filters: Any) -> Any:
    return await api.ok(await api.public_get(f"/api/v1/streams/{key}/records", **filters))


async def ids(api: Api, key: str, **filters: Any) -> list[int]:
    return [row["feed_record_id"] for row in (await page(api, key, **filters))["data"]]


async def moderate(api: Api, key: str, record_id: int, action: str, **fields: Any) -> Any:
    return await api.post(f"/api/v1/streams/{key}/records/{record_id}", action=action, **fields)


async def test_a_stream_is_listed_with_its_settings(other_api: Api) -> None:
    key = await new_stream(
        other_api, record_limit=7, css_text="p {}", props={"a": 1}, virtual_domain="wall.example.com"
    )
    answer = await other_api.get("/api/v1/streams")
    [row] = answer.json()
    assert (row["stream_key"], row["record_limit"], row["trust_level"], row["is_public"]) == (key, 7, "open", True)
    assert (row["css_text"], row["props"], row["virtual_domain"]) == ("p {}", {"a": 1}, "wall.example.com")
    again = await other_api.client.get(
        "/api/v1/streams", headers={**other_api.keys, "If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304
    await other_api.ok(await other_api.post(f"{MANAGE}/{key}", stream_name="Derby", virtual_domain=""))
    [row] = await other_api.ok(await other_api.get("/api/v1/streams"))
    assert (row["stream_name"], row["virtual_domain"], row["record_limit"]) == ("Derby", None, 7)
    assert await other_api.ok(await other_api.delete(f"{MANAGE}/{key}"))
    assert await other_api.ok(await other_api.get("/api/v1/streams")) == []
    assert (await other_api.public_get(f"/api/v1/streams/{key}/records")).status_code == 404


async def test_a_record_has_every_field_and_never_the_address_of_its_author(api: Api) -> None:
    key = await new_stream(api)
    record_id = await submit(
        api, key, "What a night! #Northside", latitude=49.2, longitude=-123, labels="Match Day,goal", sku="S-1",
        props_row="H", image_url="https://pictures.example.com/1.jpg",
    )  # fmt: skip
    answer = await page(api, key)
    [row] = answer["data"]
    assert row == await api.ok(await api.public_get(f"/api/v1/streams/{key}/records/{record_id}"))
    assert (row["caption"], row["labels"], row["sku"]) == ("What a night! #Northside", ["match day", "goal"], "S-1")
    assert (row["latitude"], row["longitude"], row["props"]) == (49.2, -123, {"row": "H"})
    assert (row["network"], row["author_name"], row["author_user_key"]) == ("direct", "Ada", None)
    # Until it is copied there is no picture: nobody is led to a foreign one.
    assert (row["image_url"], row["src_image_url"]) == (None, "https://pictures.example.com/1.jpg")
    assert "ada@example.com" not in str(answer)
    meta = answer["meta"]
    assert meta["min_time_key"] == meta["max_time_key"] == row["time_key"]
    assert (meta["row_count"], meta["count"], meta["has_more"]) == (1, 1, False)


async def test_pages_lead_both_ways_and_each_record_comes_once(api: Api) -> None:
    key = await new_stream(api, record_limit=2)
    record_ids = [await submit(api, key, str(number)) for number in range(5)]
    query: dict[str, Any] = {}
    backwards = []
    while rows := (answer := await page(api, key, **query))["data"]:
        backwards += [row["feed_record_id"] for row in rows]
        query = {"max_time_key": answer["meta"]["min_time_key"]}
    assert backwards == record_ids[::-1]
    assert answer["meta"]["min_time_key"].endswith(f"_{record_ids[0]}")
    forwards, query = [], {"min_time_key": "0_0_0"}
    while rows := (answer := await page(api, key, **query))["data"]:
        forwards += [row["feed_record_id"] for row in rows]
        query = {"min_time_key": answer["meta"]["max_time_key"]}
    assert forwards == record_ids
    # A record that is approved later comes to who has read everything before it.
    await moderate(api, key, record_ids[1], "remove")
    assert await ids(api, key, **query) == []
    await moderate(api, key, record_ids[1], "approve")
    assert await ids(api, key, **query) == [record_ids[1]]
    # A client that has no key yet sends None, or begins at 0.
    assert await ids(api, key, min_time_key="None") == await ids(api, key, max_time_key="null") == await ids(api, key)
    assert await ids(api, key, min_time_key="0") == await ids(api, key, min_time_key="0_0_0")
    both = await api.public_get(f"/api/v1/streams/{key}/records", min_time_key="1_0_1", max_time_key="1_0_2")
    assert [error["field"] for error in both.json()["errors"]] == ["max_time_key"]


async def test_each_filter_finds_what_it_says(api: Api) -> None:
    key = await new_stream(api)
    goal = await submit(api, key, "GOAL by Núñez! #derby https://example.com/keeper", labels="goal", sku="AB-1")
    place = await submit(api, key, "at the ground", latitude=49.3, longitude=-123.1)
    japanese = await submit(api, key, "サッカーの試合")
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [japanese, place, goal]),
        ({"q": "nunez goal"}, [goal]),
        ({"q": "#derby"}, [goal]),
        ({"q": "derby"}, [goal]),
        ({"q": "keeper"}, []),
        ({"q": "oal"}, []),
        ({"q": "!"}, []),
        ({"q": "試合"}, [japanese]),
        ({"label_key": "Goal"}, [goal]),
        ({"label_key": "derby"}, []),
        ({"sku": "ab-1"}, [goal]),
        ({"networks": "direct,rss"}, [japanese, place, goal]),
        ({"networks": "rss"}, []),
        ({"is_graphic": "no"}, [japanese, place, goal]),
        ({"is_graphic": "yes"}, []),
        ({"start_latitude": 50, "end_latitude": 49, "start_longitude": -124, "end_longitude": -123}, [place]),
        ({"start_latitude": 0, "end_latitude": 1, "start_longitude": -124, "end_longitude": -123}, []),
        ({"q": "goal", "networks": "direct", "label_key": "goal"}, [goal]),
    ]
    for filters, expected in cases:
        assert (filters, await ids(api, key, **filters)) == (filters, expected)
    answer = await api.public_get(f"/api/v1/streams/{key}/records", start_latitude=1)
    assert len(answer.json()["errors"]) == 3


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({}, ["email", "caption"]),
        ({"email": "no address", "caption": "x"}, ["email"]),
        ({"name": "Ada"}, ["caption"]),
        ({"name": "Ada", "caption": "x" * 5001}, ["caption"]),
        ({"name": "Ada", "image_url": "javascript:alert(1)"}, ["image_url", "caption"]),
        ({"name": "Ada", "caption": "x", "latitude": 1}, ["longitude"]),
        ({"name": "Ada", "caption": "x", "labels": "a@b"}, ["labels"]),
        ({"name": "Ada", "caption": "x\0"}, ["caption"]),
    ],
)
async def test_wrong_fields_are_named(api: Api, fields: dict[str, Any], faults: list[str]) -> None:
    key = await new_stream(api)
    answer = await api.public_post(f"/api/v1/streams/{key}/records", **fields)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == faults


async def test_the_trust_level_decides_what_is_published_at_once(api: Api) -> None:
    for level, is_published, is_published_later in [
        ("open", True, True), ("regulars", False, False), ("moderated", False, False),
    ]:  # fmt: skip
        key = await new_stream(api, trust_level=level)
        first = await submit(api, key)
        assert (await ids(api, key) == [first]) is is_published
        await moderate(api, key, first, "approve")
        second = await submit(api, key)
        assert (second in await ids(api, key)) is is_published_later
        author_id = (await page(api, key))["data"][0]["author_id"]
        await api.ok(await api.post(f"{MANAGE}/{key}/authors/{author_id}", author_status="trusted"))
        third = await submit(api, key)
        # Anybody can submit with her address.
        assert (third in await ids(api, key)) is is_published
        # With the secret it is staff who publishes.
        fourth = await api.ok(await api.post(f"/api/v1/streams/{key}/records", name="Staff", caption="Welcome"))
        assert fourth["feed_record_id"] in await ids(api, key)


async def test_refused_words_wait_for_staff(api: Api) -> None:
    key = await new_stream(api)
    await api.ok(await api.post("/api/v1/manage/display_name_words", word="southside", is_allowed=False))
    record_id = 0
    for caption, name in [("what a f.u.c.k", "Ada"), ("S0uthside forever\nsecond line", "Ada"), ("fine", "fucker")]:
        record_id = await submit(api, key, caption, name=name, email="")
        assert await ids(api, key) == []
        waiting = await api.ok(await api.get(f"{MANAGE}/{key}/records", record_status="waiting"))
        assert record_id in [row["feed_record_id"] for row in waiting]
    assert (await api.public_get(f"/api/v1/streams/{key}/records/{record_id}")).status_code == 404
    assert (await api.ok(await api.get(f"/api/v1/streams/{key}/records/{record_id}")))["caption"] == "fine"
    free = await new_stream(api, has_word_list=False)
    assert await submit(api, free, "fuck") in await ids(api, free)


async def test_an_author_is_limited_however_many_submit_at_once(api: Api) -> None:
    key = await new_stream(api, author_limit=3)
    path = f"/api/v1/streams/{key}/records"
    fields = {"email": "ada@example.com", "name": "Ada", "caption": "x"}
    answers = await asyncio.gather(*(api.public_post(path, **fields) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 9
    assert (await api.public_post(path, **{**fields, "email": "ADA@example.com"})).headers["Retry-After"] == "3600"
    assert (await api.public_post(path, **{**fields, "email": "bea@example.com"})).status_code == 200


async def test_who_submits_with_an_address_does_not_rename_its_author(api: Api) -> None:
    key = await new_stream(api)
    await submit(api, key, "mine", name="Ada")
    await submit(api, key, "not hers", name="Mallory")
    assert {row["author_name"] for row in (await page(api, key))["data"]} == {"Ada"}


async def test_an_address_as_name_is_not_shown(api: Api) -> None:
    key = await new_stream(api)
    await submit(api, key, name="bea@example.com")
    assert "example.com" not in str(await page(api, key))


async def test_moderation_of_one_and_of_many(api: Api) -> None:
    key = await new_stream(api)
    record_ids = [await submit(api, key, str(number)) for number in range(3)]
    assert (await moderate(api, key, record_ids[0], "label", label_key="Best")).json() == {
        "feed_record_id": record_ids[0]
    }
    await moderate(api, key, record_ids[0], "label", label_key="best")
    assert await ids(api, key, label_key="best") == [record_ids[0]]
    assert (await page(api, key, label_key="best"))["data"][0]["labels"] == ["best"]
    await moderate(api, key, record_ids[0], "unlabel", label_key="BEST")
    assert await ids(api, key, label_key="best") == []
    bulk = f"{MANAGE}/{key}/records/moderate"
    result = await api.ok(await api.post(bulk, feed_record_ids=[*record_ids, 5], action="remove"))
    assert (result["feed_record_ids"], await ids(api, key)) == (record_ids, [])
    result = await api.ok(await api.post(bulk, feed_record_ids=record_ids[1:], action="approve"))
    assert await ids(api, key) == record_ids[:0:-1] == result["feed_record_ids"][::-1]
    assert (await api.ok(await api.post(bulk, feed_record_ids=record_ids[1:], action="approve"))) == {
        "feed_record_ids": []
    }
    assert (await moderate(api, key, 5, "approve")).status_code == 404
    assert (await moderate(api, key, record_ids[0], "label")).status_code == 422
    for number in range(20):
        await moderate(api, key, record_ids[1], "label", label_key=f"l{number}")
    assert (await moderate(api, key, record_ids[1], "label", label_key="one more")).status_code == 409
    assert (await moderate(api, key, record_ids[1], "label", label_key="l3")).status_code == 200


async def test_a_blocked_author_is_gone_from_the_wall(api: Api) -> None:
    key = await new_stream(api)
    ada = [await submit(api, key, str(number)) for number in range(3)]
    bea = await submit(api, key, name="Bea", email="bea@example.com")
    author_id = (await api.ok(await api.get(f"/api/v1/streams/{key}/records/{ada[0]}")))["author_id"]
    await api.ok(await api.post(f"{MANAGE}/{key}/authors/{author_id}", author_status="blocked"))
    assert await submit(api, key, "again") not in await ids(api, key)
    assert await ids(api, key) == [bea]
    assert (await api.post(f"{MANAGE}/{key}/authors/5", author_status="new")).status_code == 404


async def test_simultaneous_moderation_publishes_once(api: Api, db: Db) -> None:
    key = await new_stream(api, trust_level="moderated")
    record_id = await submit(api, key)
    answers = await asyncio.gather(*(moderate(api, key, record_id, "approve") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    topics = (
        "select count(*) from changes where account_id = $1 and subject_id = $2 and topic = 'stream_record.updated'"
    )
    assert await db.value(topics, api.account_id, str(record_id)) == 1
    summary = await api.ok(await api.public_get(f"/api/v1/streams/{key}/summary"))
    assert (summary["total"], summary["approved_total"], summary["authors"]) == (1, 1, 1)
