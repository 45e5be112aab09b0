"""Ticket events: found by key, or by day and name; kept while tickets are theirs."""

import asyncio
import uuid
from typing import Any

import asyncpg
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.tickets.sold import EVENTS, Row, sold, ticket


def event(key: str | None, **extra: Any) -> Row:
    return {"event_name": f"Match {key}", "event_key": key, "event_date": "2026-07-03", "network": "boxoffice", **extra}


async def saved(api: Api, **values: Any) -> Row:
    created: Row = await api.ok(await api.post(EVENTS, **values))
    return created


async def search(api: Api, **query: Any) -> list[str]:
    answer = await api.ok(await api.get(EVENTS, **query))
    assert answer["meta"] == {"count": len(answer["data"]), "has_more": False}
    return [row["event_name"] for row in answer["data"]]


async def test_an_event_is_made_changed_and_deleted(api: Api, other_api: Api, db: Db) -> None:
    created = await saved(api, **event("life"), venue_name="The Forge", venue_province="Oregon", notes="first")
    uid = created["event_uid"]
    assert created == {"event_uid": uid, "action": "create", "status": "success"}
    assert await saved(api, **event("life", event_name="Another")) == {**created, "status": "duplicate"}
    updated = {"event_uid": uid, "action": "update", "status": "success"}
    new = {"event_name": "Moved", "event_date": "2026-07-04", "notes": ""}
    assert [await saved(api, action="update", event_uid=uid, **new) for _ in range(2)] == [updated] * 2
    (row,) = (await api.ok(await api.get(EVENTS, event_key="life")))["data"]
    assert row == {
        "event_uid": uid, "account_id": api.account_id, "event_key": "life", "event_name": "Moved",
        "venue_name": "The Forge", "artist_name": None, "event_date": "2026-07-04", "network": "boxoffice",
        "creation_timestamp": row["creation_timestamp"], "notes": None, "label_name": None, "event_type": None,
        "venue_province": "OR",
    }  # fmt: skip
    for action in ("update", "delete"):
        stranger = await other_api.post(EVENTS, action=action, event_uid=uid, event_name="Theirs")
        assert stranger.status_code == 404
    assert await saved(api, action="delete", event_uid=uid) == {**updated, "action": "delete"}
    assert await search(api, event_key="life") == []
    topics = await db.rows(
        "select topic from changes where account_id = $1 and subject_id = $2 order by position", api.account_id, uid
    )
    assert [row["topic"] for row in topics] == [f"ticket_event.{word}" for word in ("created", "updated", "deleted")]


async def test_an_event_with_tickets_stays(api: Api) -> None:
    created = await sold(api, event_key="kept", event_name="Kept")
    uid = (await ticket(api, created["ticket_id"]))["event_uid"]
    await api.ok(await api.delete(f"/api/v1/manage/tickets/{created['ticket_id']}"))
    answer = await api.post(EVENTS, action="delete", event_uid=uid)
    assert (answer.status_code, answer.json()["code"]) == (409, "ticket_event_sold")


async def test_who_is_being_sold_a_ticket_keeps_the_event(api: Api, db: Db, database_url: str) -> None:
    uid = (await saved(api, **event("held")))["event_uid"]
    seller = await asyncpg.connect(database_url)
    selling = seller.transaction()
    await selling.start()
    await seller.execute("select from ticket_events where account_id = $1 and event_uid = $2 for key share",
                         api.account_id, uid)  # fmt: skip
    await seller.execute(
        "insert into tickets (account_id, ticket_id, fan_id, event_uid, purchased_at, created_at, updated_at,"
        " num_seats, paid_amount, currency) select $1, nextval('positions'), 1, $2, now(), now(), now(), 1, 1, 'CAD'",
        api.account_id,
        uid,
    )
    deleting = asyncio.create_task(api.post(EVENTS, action="delete", event_uid=uid))
    waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%ticket_events%'"
    while not await db.value(waits):
        assert not deleting.done()
        await asyncio.sleep(0.01)
    await selling.commit()
    await seller.close()
    assert (await deleting).status_code == 409


@pytest.mark.parametrize("values", [
    {"event_name": "Named", "event_date": "2026-09-01"},
    {"event_name": "NAMED", "event_date": "2026-09-01", "event_key": "", "network": ""},
    {"event_name": "named", "event_date": "2026-09-01", "network": "elsewhere"},
])  # fmt: skip
async def test_without_a_key_day_and_name_tell(api: Api, values: Row) -> None:
    uid = (await saved(api, event_name="Named", event_date="2026-09-01"))["event_uid"]
    assert (await saved(api, **values)) == {"event_uid": uid, "action": "create", "status": "duplicate"}
    assert (await saved(api, **{**values, "event_date": "2026-09-02"}))["event_uid"] != uid
    row = await sold(api, **{"event_key": None, **values})
    assert (await ticket(api, row["ticket_id"]))["event_uid"] == uid


async def test_a_key_means_an_event_in_its_network_and_no_network_is_any(api: Api) -> None:
    created = {network: (await saved(api, **event("net", network=network)))["event_uid"] for network in ("a", "b")}
    assert created["a"] != created["b"]
    assert (await saved(api, **event("net", network="")))["event_uid"] == created["a"]
    for network, uid in (("a", created["a"]), ("b", created["b"]), ("", created["a"])):
        row = await sold(api, event_key="net", network=network)
        assert (await ticket(api, row["ticket_id"]))["event_uid"] == uid
    lone = (await saved(api, **event("lone", network="")))["event_uid"]
    row = await sold(api, event_key="lone", network="late")
    assert (await ticket(api, row["ticket_id"]))["event_uid"] == lone


async def test_events_are_found_by_what_they_are_called(api: Api, other_api: Api) -> None:
    await saved(other_api, **event("theirs", venue_name="Harbour Park"))
    for number in (1, 2):
        await saved(
            api, **event(f"list-{number}", event_date=f"2028-01-0{number}", venue_name=f"Hall {number}", network="list")
        )
    await sold(api, event_key="list-1", event_name="Sold", network="list")
    for expected, names in (
        ({"network": "list"}, [1, 2]),
        ({"network": "list", "is_ticketless_only": True}, [2]),
        ({"event_name": "MATCH list-1"}, [1]),
        ({"event_key": "list-2"}, [2]),
        ({"event_date": "2028-01-02"}, [2]),
        ({"venue_name": "hall 1"}, [1]),
        ({"venue_name": "hall 1", "event_date": "2028-01-02"}, []),
        ({"event_key": "theirs"}, []),
    ):
        assert await search(api, **expected) == [f"Match list-{number}" for number in names], expected
    answer = await api.get(EVENTS, is_ticketless_only=True, event_key="a", event_name="b")
    assert [error["field"] for error in answer.json()["errors"]] == ["event_key", "event_name"]


async def test_racing_makers_make_one_event(api: Api) -> None:
    values = event(uuid.uuid4().hex)
    created = await asyncio.gather(*(saved(api, **values) for _ in range(12)))
    assert len({each["event_uid"] for each in created}) == 1
    assert sorted(each["status"] for each in created) == ["duplicate"] * 11 + ["success"]


async def test_wrong_fields_and_taken_names_are_told(api: Api) -> None:
    for values, fields in (
        ({}, ["event_name", "event_date"]),
        ({"action": "update"}, ["event_uid"]),
        ({"action": "delete", "event_uid": "x"}, ["event_uid"]),
        ({"action": "burn"}, ["action", "event_name", "event_date"]),
    ):
        answer = await api.post(EVENTS, **values)
        assert [error["field"] for error in answer.json()["errors"]] == fields, values
    first, second = [(await saved(api, **event(key)))["event_uid"] for key in ("taken-1", "taken-2")]
    assert first != second
    answer = await api.post(EVENTS, action="update", event_uid=second, event_key="taken-1")
    assert (answer.status_code, answer.json()["code"]) == (409, "ticket_event_taken")
