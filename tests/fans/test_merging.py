"""Two fans become one, and are parted again."""

import asyncio
import random
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.fans.actions import journal, merged_ids, merging
from fanfare.fans.schemas.merges import MergeOther
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import Endpoint
from tests import calls
from tests.api import Api, new_api
from tests.fans.histories import Story, check_flags, check_sums, rows
from tests.rules import twins
from tests.seeds import run_seed

FANS = "/api/v1/crm/fans"
MANAGE = "/api/v1/manage"
# Time to get ahead of a merge, for whoever does not wait for it; on a busy machine only fewer get there.
HEAD_START_SECONDS = 1.0


async def create(api: Api, **values: Any) -> int:
    values = values or {"email": f"{uuid.uuid4().hex}@example.com"}
    return int((await api.ok(await api.post(FANS, **values)))["fan_id"])


async def merged(api: Api, fan_id: int, second: int) -> dict[str, Any]:
    find: dict[str, Any] = await api.ok(await api.post(f"{MANAGE}/fans/{fan_id}/merge", merged_fan_id=second))
    return find


async def parted(api: Api, fan_id: int, second: int) -> dict[str, Any]:
    find: dict[str, Any] = await api.ok(await api.post(f"{MANAGE}/fans/{fan_id}/unmerge", merged_fan_id=second))
    return find


async def fan(api: Api, fan_id: int) -> dict[str, Any]:
    find: dict[str, Any] = await api.ok(await api.get(f"{FANS}/{fan_id}"))
    return find


async def test_what_is_empty_is_filled_and_goes_back(api: Api) -> None:
    ada = await create(api, email="merge-ada@example.com", first_name="Ada", country_code="CA", province="BC")
    bea = await create(
        api, phone="+1 604 555 0101", first_name="Bea", last_name="Lace", country_code="FR", city="Paris"
    )
    old = await fan(api, ada), await fan(api, bea)
    result = await merged(api, ada, bea)
    assert (result["fan_id"], result["merged_fan_id"], result["unmerge_timestamp"]) == (ada, bea, None)
    one = await fan(api, ada)
    assert (one["first_name"], one["last_name"]) == ("Ada", "Lace")
    assert (one["phone"], one["country_code"], one["city"]) == ("+16045550101", "CA", None)
    assert await fan(api, bea) == one
    assert await create(api, phone="+1 604 555 0101") == ada
    assert (await parted(api, ada, bea))["unmerge_timestamp"] is not None
    assert (await fan(api, ada), await fan(api, bea)) == old
    assert await create(api, phone="+1 604 555 0101") == bea


@pytest.fixture(scope="module")
def chance() -> random.Random:
    seed = run_seed(12)
    return random.Random(seed)


async def remains(db: Db, account_id: int, fan_id: int) -> list[str]:
    """The tables in which a fan is named though gone."""
    remaining = []
    for shape in await journal.shapes(db):
        for column in shape.fan_columns:
            count = f"select count(*) from {shape.table} where account_id = $1 and {column} = $2"
            remaining += [shape.table] * min(1, await db.value(count, account_id, fan_id))
    return remaining


async def test_any_history_merges_whole_and_comes_apart_again(base_url: str, db: Db, chance: random.Random) -> None:
    async with new_api(base_url, db) as api:
        story = Story(api, chance)
        await story.begin()
        for _ in range(6):
            fans = [await story.fan() for _ in range(3)]
            for _ in range(30):
                await story.do(chance.choice(fans))
            old = []
            for second in fans[1:]:
                # The second merge is into the first, or takes the first along.
                pair = (fans[0], second) if second == fans[1] or chance.random() < 0.5 else (second, fans[0])
                old.append((pair, await rows(db, api.account_id)))
                await merged(api, *pair)
                assert await remains(db, api.account_id, pair[1]) == []
                await check_sums(db, api.account_id)
                await check_flags(db, api.account_id, pair[0])
            for pair, expected in reversed(old):
                await parted(api, *pair)
                assert await rows(db, api.account_id) == expected
                await check_sums(db, api.account_id)


async def test_what_came_since_stays(api: Api) -> None:
    ada, bea = await create(api, email="since-ada@example.com"), await create(api, email="since-bea@example.com")
    tags = f"{MANAGE}/tags/fans"
    await api.ok(await api.post(tags, tag_name="before", fan_ids=[bea]))
    await api.ok(await api.post(f"{FANS}/{bea}", first_name="Bea", last_name="Lace", is_subscribed=True))
    await api.ok(await api.post(f"{FANS}/{bea}/activities", campaign_title="Before"))
    await merged(api, ada, bea)
    await api.ok(await api.post(tags, tag_name="since", fan_ids=[bea]))
    await api.ok(await api.post(f"{FANS}/{bea}", first_name="Ada", is_phone_subscribed=True))
    await api.ok(await api.post(f"{FANS}/{bea}/activities", campaign_title="Since"))
    await parted(api, ada, bea)
    one, second = await fan(api, ada), await fan(api, bea)
    assert (one["first_name"], one["last_name"], one["tags"]) == ("Ada", None, ["since"])
    assert (one["is_subscribed"], one["is_phone_subscribed"], one["last_campaign_name"]) == (False, True, "Since")
    assert (second["first_name"], second["last_name"], second["tags"]) == ("Bea", "Lace", ["before"])
    assert (second["is_subscribed"], second["is_phone_subscribed"], second["last_campaign_name"]) == (
        True,
        False,
        "Before",
    )


async def test_what_is_gone_since_does_not_come_back(api: Api) -> None:
    ada, bea, cea = await create(api), await create(api), await create(api)
    await api.ok(await api.post(f"{MANAGE}/fields", crm_field_key="shoe", field_type="text"))
    await api.ok(await api.post(f"{MANAGE}/tags/fans", tag_name="brief", fan_ids=[bea]))
    await api.ok(await api.post(f"{FANS}/{bea}", field_shoe="45", display_name="Brief Bea"))
    await merged(api, ada, bea)
    await api.ok(await api.delete(f"{MANAGE}/fields/shoe"))
    (tag_id,) = [
        each["tag_id"] for each in await api.ok(await api.get(f"{MANAGE}/tags")) if each["tag_name"] == "brief"
    ]
    await api.ok(await api.delete(f"{MANAGE}/tags/{tag_id}"))
    await api.ok(await api.post(f"{FANS}/{ada}", display_name="Other Ada"))
    await api.ok(await api.post(f"{FANS}/{cea}", display_name="brief bea"))
    await parted(api, ada, bea)
    back = await fan(api, bea)
    assert (back["tags"], back["field_values"], back["display_name"]) == ([], {}, None)


async def test_merges_into_one_fan_are_undone_in_reverse(api: Api) -> None:
    ada, bea, cea, dea = [await create(api) for _ in range(4)]
    first = await merged(api, bea, cea)
    second = await merged(api, ada, bea)
    assert (await fan(api, cea))["fan_id"] == ada
    # Asked again, or the other way round, they are one already.
    assert await merged(api, ada, cea) == {**first, "fan_id": ada}
    assert await merged(api, bea, ada) == second
    refused = await api.post(f"{MANAGE}/fans/{ada}/unmerge", merged_fan_id=cea)
    assert (refused.status_code, refused.json()["code"]) == (409, "merged_since")
    assert str(bea) in refused.json()["detail"]
    listed = await api.ok(await api.get(f"{MANAGE}/merges", fan_id=bea, limit=1))
    assert [each["merged_fan_id"] for each in listed["data"]] == [bea]
    rest = await api.ok(await api.get(f"{MANAGE}/merges", fan_id=ada, max_merge_id=listed["meta"]["min_merge_id"]))
    assert [each["merged_fan_id"] for each in rest["data"]] == [cea]
    await parted(api, ada, bea)
    await parted(api, bea, cea)
    assert [(await fan(api, each))["fan_id"] for each in (ada, bea, cea)] == [ada, bea, cea]
    for one, another in ((ada, dea), (ada, 10**12)):
        assert (await api.post(f"{MANAGE}/fans/{one}/unmerge", merged_fan_id=another)).status_code == 404
    assert (await api.post(f"{MANAGE}/fans/{ada}/merge", merged_fan_id=10**12)).status_code == 404
    assert (await api.post(f"{MANAGE}/fans/{ada}/merge", merged_fan_id=ada)).status_code == 422


async def test_feed_log_and_search_tell_of_it(api: Api, db: Db) -> None:
    ada, bea = await create(api, email="feed-ada@example.com"), await create(api, email="feed-bea@example.com")
    key = (await api.ok(await api.get(f"{FANS}/latest")))["meta"]["max_fan_time_key"]
    await merged(api, ada, bea)
    page = await api.ok(await api.get(f"{FANS}/latest", min_time_key=key))
    assert [(each["fan_id"], each["merged_fan_ids"]) for each in page["data"]] == [(ada, [bea])]
    assert await find(api, "feed-bea") == []
    key = page["meta"]["max_fan_time_key"]
    await parted(api, ada, bea)
    page = await api.ok(await api.get(f"{FANS}/latest", min_time_key=key))
    assert [(each["fan_id"], each["merged_fan_ids"]) for each in page["data"]] == [(ada, []), (bea, [])]
    page = await api.ok(await api.get(f"{FANS}/latest", min_time_key=page["meta"]["max_fan_time_key"]))
    assert page["data"] == []
    assert await find(api, "feed-bea") == [bea]
    log = await db.rows(
        "select topic, fan_id, data from changes where account_id = $1 and topic ~ 'merged' and fan_id = $2"
        " order by position",
        api.account_id,
        bea,
    )
    assert [(row["topic"], row["data"]) for row in log] == [
        ("fan.merged", {"into_fan_id": ada}),
        ("fan.unmerged", {"from_fan_id": ada}),
    ]


async def find(api: Api, text: str) -> list[int]:
    page = await api.ok(await api.get(FANS, name=text))
    return [each["fan_id"] for each in page["data"]]


async def test_racing_merges_and_writers_lose_nothing(base_url: str, db: Db, chance: random.Random) -> None:
    """Both directions at once, a third fan in between, and writers who name every one of them."""
    async with new_api(base_url, db) as api:
        story = Story(api, chance)
        await story.begin()
        for _ in range(2):
            contacts = [f"{uuid.uuid4().hex}@example.com" for _ in range(3)]
            fans = [await create(api, email=contact) for contact in contacts]
            pairs = [(fans[0], fans[1]), (fans[1], fans[0]), (fans[1], fans[2]), (fans[2], fans[0])]
            chance.shuffle(pairs)
            writers = [write(api, story, each, contact) for each, contact in zip(fans, contacts, strict=True)]
            merges = [api.post(f"{MANAGE}/fans/{one}/merge", merged_fan_id=second) for one, second in pairs]
            answers, _ = await asyncio.gather(asyncio.gather(*merges), asyncio.gather(*writers))
            assert [each.status_code for each in answers] == [200] * 4
            one = {(await fan(api, each))["fan_id"] for each in fans}
            assert len(one) == 1
            fan_id = one.pop()
            for gone in set(fans) - {fan_id}:
                assert await remains(db, api.account_id, gone) == []
            await check_sums(db, api.account_id)
            await check_flags(db, api.account_id, fan_id)
            counts = {
                "activities": 8 * 3, "fan_points": 4 * 3, "wagers": 4 * 3, "campaign_events": 4 * 3, "consents": 4 * 3,
                "purchases": 4 * 3,
            }  # fmt: skip
            for table, expected in counts.items():
                count = f"select count(*) from {table} where account_id = $1 and fan_id = $2"
                assert (table, await db.value(count, api.account_id, fan_id)) == (table, expected)
            assert len((await fan(api, fan_id))["tags"]) == 4 * 3


async def write(api: Api, story: Story, fan_id: int, email: str, *, times: int = 4) -> None:
    """Write by every door, by the fan's id or address, some times."""
    for _ in range(times):
        for path, values in doors(story, fan_id, email):
            await single(api, path, values)


def doors(story: Story, fan_id: int, email: str) -> list[tuple[str, dict[str, Any]]]:
    campaign = f"{MANAGE}/campaigns/{story.some('page_tab_id')}"
    keys = {name: uuid.uuid4().hex for name in ("purchase_key", "order_key", "merchant_key", "customer_key")}
    amounts = {"gross_sale_amount": 5, "net_sale_amount": 4, "order_timestamp": "2026-05-01 17:30:00"}
    return [
        (f"{FANS}/{fan_id}/activities", {"campaign_title": "Race"}),
        ("/api/v1/crm/activities", {"campaign_title": "Race", "email": email}),
        (f"{FANS}/{fan_id}", {"is_subscribed": True}),
        ("/api/v1/crm/fan_points", {"fan_id": fan_id, "point_count": 3, "point_uid": story.some("point_uid")}),
        (f"{MANAGE}/tags/fans", {"tag_name": uuid.uuid4().hex, "fan_ids": [fan_id]}),
        (f"{campaign}/events", {"events": [{"target": "chat_history", "fan_id": fan_id}]}),
        (f"{campaign}/wagers", {"fan_id": fan_id, "tab_item_id": item_of(story, campaign)}),
        (f"{campaign}/passes", {"fan_id": fan_id, "quantity": 1}),
        (f"{MANAGE}/fans/{fan_id}/visibility", {"is_hidden": True}),
        ("/api/v1/crm/purchases", {"network": "shop", "email": email, **keys, **amounts}),
        (f"{FANS}/{fan_id}/idols", {"action": "add", "idol_uid": story.some("idol_uid")}),
    ]


async def test_whoever_writes_while_a_merge_is_under_way_finds_the_one(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api:
        story = Story(api, random.Random(1))
        await story.begin()
        contact = f"{uuid.uuid4().hex}@example.com"
        one, second = await create(api), await create(api, email=contact)
        async with db.transaction() as tx:
            criteria = MergeOther(fan_id=one, merged_fan_id=second)
            await merging.merge_fans(tx, api.account_id, criteria, datetime.now(UTC), source="test")
            writers = [asyncio.create_task(write(api, story, second, contact, times=1)) for _ in range(4)]
            writers += [asyncio.create_task(single(api, *call)) for call in doors(story, second, contact)]
            await asyncio.wait(writers, timeout=HEAD_START_SECONDS)
        await asyncio.gather(*writers)
        assert await remains(db, api.account_id, second) == []
        await check_sums(db, api.account_id)
        bookings = "select count(*) from fan_points where account_id = $1 and fan_id = $2"
        assert await db.value(bookings, api.account_id, one) == 5


async def test_events_reported_while_a_fan_becomes_another_find_the_one(base_url: str, db: Db) -> None:
    """Two merges in a row, so that whoever waited for the fan finds neither it nor the first successor."""
    async with new_api(base_url, db) as api:
        story = Story(api, random.Random(2))
        await story.begin()
        one, second, third = [await create(api) for _ in range(3)]
        path = f"{MANAGE}/campaigns/{story.some('page_tab_id')}/events"
        async with db.transaction() as tx:
            for fan_id, gone in ((one, second), (third, one)):
                criteria = MergeOther(fan_id=fan_id, merged_fan_id=gone)
                await merging.merge_fans(tx, api.account_id, criteria, datetime.now(UTC), source="test")
            values = {"events": [{"target": "chat_history", "fan_id": each} for each in (one, second, third)]}
            writers = [asyncio.create_task(single(api, path, values)) for _ in range(4)]
            await asyncio.wait(writers, timeout=HEAD_START_SECONDS)
        await asyncio.gather(*writers)
        count = "select count(*) from campaign_events where account_id = $1 and fan_id = $2"
        assert await db.value(count, api.account_id, third) == 4 * 3


async def single(api: Api, path: str, values: dict[str, Any]) -> None:
    await api.ok(await api.post(path, **values))


def item_of(story: Story, campaign: str) -> int:
    place = story.values["page_tab_id"].index(int(campaign.rpartition("/")[2]))
    item: int = story.values["tab_item_id"][place]
    return item


BEARS_A_FAN = [
    endpoint
    for endpoint in calls.in_order()
    if endpoint.params and (merged_ids.fan_fields(endpoint.params) or "events" in endpoint.params.__struct_fields__)
    if not re.search(r"merge|erase", endpoint.call_id)
]


def named(endpoint: Endpoint) -> set[str]:
    """The parameters that name one fan, also those that are left out as a rule."""
    return (
        {name for name in merged_ids.fan_fields(endpoint.params) if name.endswith("fan_id")}
        if endpoint.params
        else set()
    )


async def test_an_old_id_does_in_every_call_what_the_present_one_does(base_url: str, db: Db) -> None:
    """Two accounts in which the same is done, in one by the present id, in the other by the old one."""
    await twins.large_ids(db)
    async with new_api(base_url, db) as one, new_api(base_url, db) as second:
        answers: list[list[tuple[int, str]]] = []
        for api, is_old in ((one, False), (second, True)):
            values = await calls.made_values(api)
            old = await create(api, email="absorbed@example.com")
            await merged(api, values["fan_id"], old)
            fields = {**values, "fan_id": old} if is_old else values
            result = []
            for endpoint in BEARS_A_FAN:
                payload = {**calls.right(endpoint, fields), **dict.fromkeys(named(endpoint), fields["fan_id"])}
                answer = await calls.send(api, endpoint, payload)
                result.append((answer.status_code, twins.answer_of(answer.text).replace(str(old), "?")))
            answers.append(result)
        assert len(BEARS_A_FAN) > 15
        for endpoint, expected, got in zip(BEARS_A_FAN, *answers, strict=True):
            assert (endpoint.call_id, got) == (endpoint.call_id, expected)
            assert got[0] == 200


BOTH = {"is_confirmed": True, "is_phone_confirmed": True}


async def test_verified_identities_of_one_request_merge(api: Api) -> None:
    cases: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], bool]] = [
        ({}, {}, BOTH, True),
        ({}, {}, {"is_confirmed": True}, False),
        ({}, {}, {"is_phone_confirmed": True}, False),
        ({}, {}, {}, False),
        ({}, {"email": "own@example.com"}, BOTH, False),
        ({"phone": "+16045550777", "is_phone_confirmed": True}, {}, BOTH, False),
        ({"birth_date": "1990-01-01"}, {"birth_date": "1990-01-02"}, BOTH, False),
    ]
    for case, (email_fan, phone_fan, values, is_merged) in enumerate(cases):
        email, phone = f"verified-{case}@example.com", f"+1604555060{case}"
        one = await create(api, email=email, **email_fan)
        second = await create(api, phone=phone, **phone_fan)
        assert await create(api, email=email, phone=phone, **values) == one
        assert ((await fan(api, second))["fan_id"] == one) == is_merged, case


async def test_a_merge_under_an_idempotency_key(api: Api) -> None:
    ada, bea = await create(api), await create(api)
    await merged(api, ada, bea)
    for headers in ({"Idempotency-Key": uuid.uuid4().hex}, {}):
        answer = await api.post(f"{FANS}/{bea}/activities", headers, campaign_title="Keyed")
        assert (await api.ok(answer))["fan_id"] == ada


async def test_what_is_sent_again_by_an_old_id_is_answered_as_the_first_time(api: Api) -> None:
    old, fan_id = await create(api), await create(api)
    point_uid = (await api.ok(await api.post("/api/v1/manage/points", point_name="Again")))["point_uid"]
    page_tab_id = (await api.ok(await api.post("/api/v1/manage/campaigns", title="Again", app_type="wager")))[
        "page_tab_id"
    ]
    (one,) = await api.ok(await api.post(f"/api/v1/manage/campaigns/{page_tab_id}/passes", quantity=1))
    writes: list[tuple[str, dict[str, Any]]] = [
        ("crm/fan_points", {"point_uid": point_uid, "fan_id": old, "point_count": 5, "award_key": "again"}),
        (f"crm/fans/{old}/points", {"point_name": "again", "point_count": 5, "award_key": "again"}),
        (f"manage/campaigns/{page_tab_id}/close", {"winner_fan_id": old}),
        (f"manage/passes/{one['pass_uid']}/claim", {"fan_id": old}),
    ]
    first = [await api.ok(await api.post(f"/api/v1/{path}", **values)) for path, values in writes]
    await merged(api, fan_id, old)
    for (path, values), answered in zip(writes, first, strict=True):
        again = await api.ok(await api.post(f"/api/v1/{path}", **values))
        # A campaign may have the number of the fan.
        ids = {name: fan_id for name, value in answered.items() if name.endswith("fan_id") and value == old}
        assert again == answered | ids, path
    balances = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}/points"))
    assert [each["point_count"] for each in balances] == [5]
