"""Scans: each stored once however often and in whatever order it comes, and paged without gaps."""

import asyncio
import random
from typing import Any

import asyncpg

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.registrations.test_registrations import saved, topics

LIST = "/api/v1/crm/registrations/scans"
INGEST = "/api/v1/manage/registrations/scans"
WINDOW = {"start_date": "2026-07-01", "end_date": "2026-07-31"}


def scan(number: int, group: str, **extra: Any) -> dict[str, Any]:
    return {
        "device_key": "gate-7", "device_sequence": number, "network": group, "scan_group_name": group,
        "scan_timestamp": f"2026-07-03 20:{number // 60 % 60:02d}:{number % 60:02d}", **extra,
    }  # fmt: skip


async def send(api: Api, *scans: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await api.ok(await api.post(INGEST, scans=list(scans)))
    return answer


async def listed(api: Api, group: str, **extra: Any) -> list[dict[str, Any]]:
    """Follow the pages to the end."""
    rows: list[dict[str, Any]] = []
    following: dict[str, Any] = {}
    while True:
        page = await api.ok(
            await api.get(LIST, **{"scan_group_name": group, "network": group, **WINDOW, **extra, **following})
        )
        rows += page["data"]
        if not page["data"]:
            return rows
        following = page["meta"]


async def test_a_scan_is_answered_with_every_field(api: Api, db: Db) -> None:
    fan_id = await saved(
        api, "r-1", network="full", barcode="0451", phone="+16045550144", order_key="O-1", event_key="E-1",
        venue_name="Foundry", country_code="CA", province="BC", postal_code="V5K 0A1",
    )  # fmt: skip
    values = scan(1, "full", barcode="0451", access_mode="entry", site_name="Pier", site_id="7", node_name="North gate",
                 zone_name="Z1", is_success="yes")  # fmt: skip
    rows = await send(api, values)
    (saved_scan,) = rows["data"]
    assert saved_scan == {
        "index": 0, "scan_key": saved_scan["scan_key"], "is_duplicate": False, "is_success": True, "refusal": None,
        "reason": None,
    }  # fmt: skip
    (row,) = await listed(api, "full")
    assert row == {
        "scan_key": saved_scan["scan_key"], "account_id": api.account_id, "network": "full", "fan_id": fan_id,
        "event_key": "E-1", "is_success": True, "access_mode": "entry", "scan_group_name": "full", "site_name": "Pier",
        "site_id": "7", "node_name": "North gate", "zone_name": "Z1", "scan_timestamp": 1783108801,
        "registration_key": "r-1", "ticket_order_key": "O-1", "event_name": "Tideline", "event_date": "2026-07-03",
        "venue_name": "Foundry", "first_name": "Ada", "last_name": "Okoro", "email": "r-1@example.com",
        "phone": "+16045550144", "country_code": "CA", "province": "BC", "postal_code": "V5K 0A1",
        "registration_timestamp": 1781976600, "barcode": "0451", "refusal": None,
    }  # fmt: skip
    assert await topics(db, api, str(saved_scan["scan_key"])) == ["scan.created"]


async def test_a_scan_before_its_registration_finds_it_later(api: Api) -> None:
    await send(api, scan(1, "early", registration_key="r-early", event_name="Told by the gate"))
    (row,) = await listed(api, "early")
    assert (row["fan_id"], row["email"], row["event_name"]) == (None, None, "Told by the gate")
    fan_id = await saved(api, "r-early", network="early")
    (row,) = await listed(api, "early")
    assert (row["fan_id"], row["email"], row["event_name"]) == (fan_id, "r-early@example.com", "Told by the gate")


async def test_batches_sent_twice_out_of_order_and_at_once_store_each_scan_once(api: Api, db: Db) -> None:
    scans = [scan(number, "batches") for number in range(300)]
    chance = random.Random(7)
    batches = []
    for _ in range(4):
        chance.shuffle(scans)
        batches += [scans[start : start + 60] for start in range(0, 300, 60)]
    result = await asyncio.gather(*(send(api, *batch) for batch in batches))
    fresh = [each["scan_key"] for answer in result for each in answer["data"] if not each["is_duplicate"]]
    assert len(fresh) == len(set(fresh)) == 300
    assert all([row["index"] for row in answer["data"]] == list(range(60)) for answer in result)
    rows = await listed(api, "batches")
    assert sorted(fresh) == [row["scan_key"] for row in rows]
    assert {row["scan_timestamp"] for row in rows} == set(range(1783108800, 1783108800 + 300))
    count = "select count(*) from changes where account_id = $1 and topic = 'scan.created' and subject_id = any($2)"
    assert await db.value(count, api.account_id, [str(key) for key in fresh]) == 300


async def test_one_scan_twice_in_a_batch_is_told_as_duplicate(api: Api) -> None:
    answer = await send(api, scan(1, "twice"), scan(1, "twice", access_mode="other"), scan(1, "twice", network="two"))
    keys = [row["scan_key"] for row in answer["data"]]
    assert [row["is_duplicate"] for row in answer["data"]] == [False, True, False]
    assert keys[0] == keys[1] != keys[2]
    (row,) = await listed(api, "twice")
    assert row["access_mode"] is None


async def test_a_bad_scan_is_named_and_the_others_are_stored(api: Api) -> None:
    lacking = {"network": "mixed", "scan_timestamp": "2026-07-03 20:00:00", "scan_group_name": "mixed"}
    answer = await send(
        api, scan(1, "mixed"), scan(2, "mixed", scan_timestamp="soon", pass_code="short"), "no object", lacking,
        {**lacking, "scan_key": "given-by-the-gate"},
    )  # fmt: skip
    assert [row["index"] for row in answer["data"]] == [0, 4]
    faults = {fault["index"]: fault["error"] for fault in answer["errors"]}
    assert faults.keys() == {1, 2, 3}
    assert "scan_timestamp" in faults[1]
    assert "pass_code" in faults[1]
    assert "source_key" in faults[3]
    assert len(await listed(api, "mixed")) == 2


async def test_a_bare_array_is_taken_and_more_than_a_thousand_are_not(api: Api) -> None:
    bare = await api.client.post(INGEST, json=[scan(1, "bare")], headers=api.keys)
    assert len((await api.ok(bare))["data"]) == 1
    count = await api.post(INGEST, scans=[scan(n, "bare") for n in range(1001)])
    assert (count.status_code, count.json()["errors"][0]["field"]) == (422, "scans")
    assert len((await send(api, *(scan(n, "bare") for n in range(1000))))["data"]) == 1000
    assert len(await listed(api, "bare")) == 1000


async def test_filters_narrow(api: Api) -> None:
    await saved(api, "r-f", network="filters", venue_name="Foundry", event_date="2026-07-05")
    await send(
        api, scan(1, "filters", venue_name="Pier"), scan(2, "filters", registration_key="r-f"),
        scan(3, "filters", event_date="2026-07-05"), scan(4, "filters", scan_group_name="another"),
    )  # fmt: skip
    by_second = {row["scan_timestamp"] - 1783108800: row["scan_key"] for row in await listed(api, "filters")}
    assert sorted(by_second) == [1, 2, 3]
    for question, seconds in (
        ({"venue_name": "Foundry"}, [2]),
        ({"venue_name": "Pier"}, [1]),
        ({"venue_name": "FÓUNDRY"}, [2]),
        ({"scan_group_name": "FÍLTERS"}, [1, 2, 3]),
        ({"event_date": "2026-07-05"}, [2, 3]),
        ({"start_date": "2026-07-03 20:00:02"}, [2, 3]),
        ({"start_date": "2026-07-03 20:00:01", "end_date": "2026-07-03 20:00:03"}, [1, 2]),
        # In Los Angeles it is still the third.
        ({"start_date": "2026-07-03", "end_date": "2026-07-03"}, [1, 2, 3]),
        ({"start_date": "2026-07-04"}, []),
    ):
        assert [row["scan_key"] for row in await listed(api, "filters", **question)] == [
            by_second[second] for second in seconds
        ], question


async def test_pages_follow_each_other_without_gaps(api: Api, database_url: str) -> None:
    store = """
        with hold as materialized (select hold_position($1) as held)
        insert into scans (account_id, scan_key, network, source_key, scan_group_name, scanned_at, created_at,
                           is_success)
        select $1, nextval('positions'), 'pages', $2 || n, 'pages', '2026-07-03', '2026-07-03', true
        from hold cross join generate_series(1, $3::integer) n
    """
    quick, slow = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    await quick.execute(store, api.account_id, "first-", 1200)
    transaction = slow.transaction()
    await transaction.start()
    await slow.execute(store, api.account_id, "slow-", 1)
    await quick.execute(store, api.account_id, "quick-", 1)
    old = [row["scan_key"] for row in await listed(api, "pages")]
    assert len(old) == 1200
    await transaction.commit()
    new = [row["scan_key"] for row in await listed(api, "pages", next_scan_key=old[-1])]
    assert len(new) == 2
    assert old + new == sorted({*old, *new})
    page = await api.ok(await api.get(LIST, scan_group_name="pages", network="pages", **WINDOW, next_scan_key=new[-1]))
    assert page == {"meta": {"next_scan_key": new[-1], "has_more": False}, "data": []}
    await quick.close()
    await slow.close()


async def test_every_wrong_field_is_named(api: Api) -> None:
    answer = await api.get(LIST)
    named = [error["field"] for error in answer.json()["errors"]]
    assert named == ["scan_group_name", "start_date", "end_date", "network"]
    answer = await api.get(LIST, scan_group_name="g", network="n", start_date="2026-02-01", end_date="2026-01-31")
    assert answer.json()["errors"][0]["field"] == "end_date"


async def test_other_accounts_see_nothing(api: Api, other_api: Api) -> None:
    await saved(api, "r-ours", network="ours", barcode="0452")
    (ours,) = (await send(api, scan(1, "ours", barcode="0452")))["data"]
    (theirs,) = (await send(other_api, scan(1, "ours", barcode="0452")))["data"]
    assert theirs["is_duplicate"] is False
    (row,) = await listed(other_api, "ours")
    assert (row["scan_key"], row["fan_id"], row["email"]) == (theirs["scan_key"], None, None)
    assert [row["scan_key"] for row in await listed(api, "ours")] == [ours["scan_key"]]


async def test_an_erased_fan_is_in_no_scan(api: Api, db: Db) -> None:
    fan_id = await saved(api, "r-gone", network="gone", barcode="0999")
    await send(api, scan(1, "gone", barcode="0999", ticket_order_key="O-7"))
    await api.ok(await api.delete(f"/api/v1/crm/fans/{fan_id}"))
    (row,) = await listed(api, "gone")
    assert [row[name] for name in ("fan_id", "email", "first_name", "barcode", "ticket_order_key")] == [None] * 5
    assert await db.value("select count(*) from scans where account_id = $1 and barcode = '0999'", api.account_id) == 0


async def test_an_erased_fan_takes_nothing_of_another_who_came_with_the_same_number(api: Api, db: Db) -> None:
    """By event_key and by time alike: at another event the number is another person's."""
    was = {"event_date": "2025-07-04", "registration_timestamp": "2025-06-20 17:30:00"}
    ada = await saved(api, "kept-1", network="kept", barcode="91", event_key="FRIDAY", **was)
    ben = await saved(api, "kept-2", network="kept", barcode="91", event_key="SATURDAY")
    ann = await saved(api, "kept-3", network="kept", barcode="92", **was)
    bob = await saved(api, "kept-4", network="kept", barcode="92")
    there = {"scan_timestamp": "2025-07-04 20:00:00", "ticket_order_key": "O-8"}
    await send(
        api,
        scan(1, "kept", barcode="91", event_key="FRIDAY", **there),
        scan(2, "kept", barcode="91", event_key="SATURDAY", ticket_order_key="O-9"),
        scan(3, "kept", barcode="92", **there),
        scan(4, "kept", barcode="92", ticket_order_key="O-9"),
        scan(5, "kept", barcode="91", registration_key="kept-4", event_key="FRIDAY", ticket_order_key="O-9"),
    )
    for fan_id in (ada, ann):
        await api.ok(await api.delete(f"/api/v1/crm/fans/{fan_id}"))
    remaining = await db.rows(
        "select source_key, barcode, ticket_order_key from scans where account_id = $1 and network = 'kept'"
        " order by scan_key",
        api.account_id,
    )
    nothing, rest = [None, None], [["91", "O-9"], ["92", "O-9"], ["91", "O-9"]]
    assert [list(row)[1:] for row in remaining] == [nothing, rest[0], nothing, *rest[1:]]
    years = {"start_date": "2025-01-01", "end_date": "2026-12-31"}
    assert [row["fan_id"] for row in await listed(api, "kept", **years)][:4] == [None, ben, None, bob]


async def test_a_number_that_comes_again_at_a_later_event_leads_nobody_back(api: Api) -> None:
    was = {"event_name": "Tideline", "event_date": "2025-07-04", "registration_timestamp": "2025-06-20 17:30:00"}
    ada = await saved(api, "again-1", network="again", barcode="77", **was)
    for number, moment in enumerate(("2025-07-01 18:00:00", "2025-07-05 06:30:00", "2025-07-12 20:00:00")):
        await send(api, scan(number, "again", barcode="77", scan_timestamp=moment))
    await send(api, scan(4, "again", registration_key="again-1", scan_timestamp="2025-07-04 20:00:00"))
    await send(api, scan(5, "again", barcode="77", event_date="2025-07-05", scan_timestamp="2025-07-05 20:00:00"))
    years = {"start_date": "2025-01-01", "end_date": "2026-12-31"}
    assert [row["fan_id"] for row in await listed(api, "again", **years)] == [ada] * 5
    # The same wristband, and the same key of a line, at the next year's event.
    ben = await saved(api, "again-2", network="again", barcode="77")
    assert [row["fan_id"] for row in await listed(api, "again", **years)] == [ada] * 5
    await saved(api, "again-1", network="again", email="ben@example.com", barcode="78")
    rows = await listed(api, "again", **years)
    assert [(row["fan_id"], row["email"], row["registration_timestamp"]) for row in rows] == [(None, None, None)] * 5
    await send(api, scan(6, "again", barcode="77"))
    assert (await listed(api, "again", **years))[-1]["fan_id"] == ben


async def test_what_two_people_come_with_at_one_event_leads_to_nobody(api: Api) -> None:
    duplicate = {"network": "both", "barcode": "88"}
    ada = await saved(api, "both-1", event_key="FRIDAY", **duplicate)
    await send(api, scan(1, "both", barcode="88"), scan(2, "both", barcode="88", event_key="FRIDAY"))
    assert [row["fan_id"] for row in await listed(api, "both")] == [ada, ada]
    await saved(api, "both-2", email="both-1@example.com", **duplicate)
    assert [row["fan_id"] for row in await listed(api, "both")] == [ada, ada]
    await saved(api, "both-3", **duplicate)
    assert [row["fan_id"] for row in await listed(api, "both")] == [None, ada]


async def test_a_number_used_again_within_days_leads_to_nobody_unless_the_event_is_named(api: Api) -> None:
    duplicate = {"network": "days", "barcode": "66"}
    ada = await saved(api, "days-1", event_date="2026-07-03", **duplicate)
    bob = await saved(api, "days-2", event_date="2026-07-05", **duplicate)
    await saved(api, "days-3", event_date="2026-07-16", **duplicate)
    years = {"start_date": "2025-01-01", "end_date": "2026-12-31"}
    # On the days of both, between them, of the first or the second by its day, and by then of none but the second.
    moments = ["2026-07-04 03:00:00", "2026-07-05 03:00:00", "2026-07-06 03:00:00"]
    await send(api, *(scan(number, "days", barcode="66", scan_timestamp=each) for number, each in enumerate(moments)))
    for number, day in enumerate(("2026-07-03", "2026-07-05")):
        await send(api, scan(10 + number, "days", barcode="66", event_date=day, scan_timestamp=moments[0]))
    await send(api, scan(20, "days", barcode="66", scan_timestamp="2026-07-09 20:00:00"))
    assert [row["fan_id"] for row in await listed(api, "days", **years)] == [None, None, None, ada, bob, bob]
    # Who registered twice is one person.
    await saved(api, "days-4", email="days-5@example.com", event_date="2026-08-03", network="days", barcode="65")
    eve = await saved(api, "days-5", event_date="2026-08-05", network="days", barcode="65")
    await send(api, scan(30, "days", barcode="65", scan_timestamp="2026-08-04 20:00:00"))
    assert (await listed(api, "days", **years))[-1]["fan_id"] == eve
