"""A record that stored criteria name cannot be deleted or renamed, also in a race; the error names the filters."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key
from fanfare.segments.queries.references import FORMS
from tests.api import Answer, Api
from tests.search.crowd import fan
from tests.segments.live import FILTERS
from tests.tickets.sold import EVENTS
from tests.waits import until_blocked

MANAGE = "/api/v1/manage"
NAMING = {name for places in FORMS.values() for name in places}
Call = Callable[[], Awaitable[Answer]]


class Named:
    """A record that criteria name, with these criteria and the calls that delete and rename it."""

    def __init__(self, criteria: list[dict[str, Any]], deletes: Call, renames: Call | None = None) -> None:
        self.criteria, self.deletes, self.renames = criteria, deletes, renames


async def a_tag(api: Api) -> Named:
    name = f"tag {uuid.uuid4().hex}"
    tag_id = (await api.ok(await api.post(f"{MANAGE}/tags", tag_name=name)))["tag_id"]
    inside = [{each: f"tag:{tag_id}"} for each in ("fan_incl_segments", "fan_excl_segments")]
    return Named([*inside, {"fan_tags": ["other", name.upper()]}], lambda: api.delete(f"{MANAGE}/tags/{tag_id}"))


async def a_snapshot(api: Api) -> Named:
    values = {"snapshot_name": uuid.uuid4().hex, "fan_ids": [1]}
    uid = (await api.ok(await api.post(f"{MANAGE}/snapshots", **values)))["snapshot_uid"]
    inside = [{each: f"snapshot:{uid}"} for each in ("fan_incl_segments", "fan_excl_segments")]
    lists = [{each: uid} for each in ("fan_incl_snapshot_uids", "fan_excl_snapshot_uids")]
    return Named(inside + lists, lambda: api.delete(f"{MANAGE}/snapshots/{uid}"))


async def a_filter(api: Api) -> Named:
    uid = (await api.ok(await api.post(FILTERS, filter_name=uuid.uuid4().hex)))["filter_uid"]
    inside = [{each: f"filter:{uid}"} for each in ("fan_incl_segments", "fan_excl_segments")]
    return Named(inside, lambda: api.delete(f"{FILTERS}/{uid}"))


async def an_idol(api: Api) -> Named:
    name = f"idol {uuid.uuid4().hex}"
    uid = (await api.ok(await api.post("/api/v1/idols", idol_name=name, idol_type="team")))["idol_uid"]
    path = f"{MANAGE}/idols/{uid}"
    return Named(
        [{"idol_names": name.upper()}], lambda: api.delete(path), lambda: api.post(path, idol_name=f"{name} new")
    )


async def a_ticket_event(api: Api) -> Named:
    names = {each: f"{each} {uuid.uuid4().hex}" for each in ("event_name", "venue_name", "artist_name")}
    values = {"event_date": "2026-07-03", "event_key": uuid.uuid4().hex, **names}
    uid = (await api.ok(await api.post(EVENTS, action="create", **values)))["event_uid"]
    second = dict.fromkeys(names, "Another")
    return Named(
        [{f"ticket_{each}": name.upper(), "ticket_is_negative": True} for each, name in names.items()],
        lambda: api.post(EVENTS, action="delete", event_uid=uid),
        lambda: api.post(EVENTS, action="update", event_uid=uid, **second),
    )


MAKERS: dict[Callable[[Api], Awaitable[Named]], set[str]] = {
    a_tag: {"tag", "tag_name"},
    a_snapshot: {"snapshot"},
    a_filter: {"filter"},
    an_idol: {"idol_name"},
    a_ticket_event: {"ticket_event_name", "ticket_venue_name", "ticket_artist_name"},
}


def test_there_is_a_case_for_every_kind_of_record_that_criteria_name() -> None:
    assert set().union(*MAKERS.values()) == FORMS.keys()


async def test_every_parameter_that_names_records_has_a_case(api: Api) -> None:
    attempts = {name for make in MAKERS for values in (await make(api)).criteria for name in values}
    assert attempts & NAMING == NAMING


@pytest.mark.parametrize("make", MAKERS, ids=lambda each: each.__name__)
async def test_a_named_record_cannot_be_deleted_or_renamed(api: Api, make: Callable[[Api], Awaitable[Named]]) -> None:
    created = await make(api)
    for criteria in created.criteria:
        name = uuid.uuid4().hex
        uid = (await api.ok(await api.post(FILTERS, filter_name=name, **criteria)))["filter_uid"]
        for call in (created.deletes, created.renames):
            if call is not None:
                answer = await call()
                assert (answer.status_code, answer.json()["code"]) == (409, "named_by_filters"), criteria
                assert f'"{name}"' in answer.json()["detail"]
        await api.ok(await api.delete(f"{FILTERS}/{uid}"))
    if created.renames is not None:
        assert (await created.renames()).status_code == 200
    assert (await created.deletes()).status_code == 200


async def test_an_event_may_be_deleted_if_another_has_its_names(api: Api) -> None:
    values = {"event_date": "2026-07-04", "venue_name": "The Shared Hall"}
    one, two = [
        (await api.ok(await api.post(EVENTS, action="create", event_name=f"E {uuid.uuid4()}", **values)))["event_uid"]
        for _ in range(2)
    ]
    await api.ok(await api.post(FILTERS, filter_name="Not in the hall", ticket_venue_name="the shared hall",
                                ticket_is_negative=True))  # fmt: skip
    assert (await api.post(EVENTS, action="delete", event_uid=one)).status_code == 200
    assert (await api.post(EVENTS, action="delete", event_uid=two)).status_code == 409


async def test_an_error_names_only_the_first_filters(api: Api) -> None:
    created = await a_tag(api)
    for number in range(7):
        await api.ok(await api.post(FILTERS, filter_name=f"many {number}", **created.criteria[0]))
    result = (await created.deletes()).json()["detail"]
    assert result == 'used by filters: "many 0", "many 1", "many 2", "many 3", "many 4" and 2 more'


async def all_at_once(db: Db, account_id: int, calls: Sequence[Awaitable[Answer]]) -> list[int]:
    """Run calls that all wait for the same lock on references, then release it; return their statuses."""
    async with db.transaction() as tx:
        await tx.value("select pg_advisory_xact_lock($1)", lock_key("references", account_id))
        tasks = [asyncio.ensure_future(call) for call in calls]
        await until_blocked(db, tx, count=len(tasks))
    return [(await task).status_code for task in tasks]


@pytest.mark.parametrize("make", MAKERS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("is_deleted_first", [True, False])
async def test_deleting_a_record_and_referring_to_it_do_not_both_succeed(
    api: Api, db: Db, make: Callable[[Api], Awaitable[Named]], *, is_deleted_first: bool
) -> None:
    created = await make(api)
    takes = api.post(FILTERS, filter_name=uuid.uuid4().hex, **created.criteria[-1])
    excludes = "excl" in str(created.criteria[-1]) or "negative" in str(created.criteria[-1])
    calls = [created.deletes(), takes] if is_deleted_first else [takes, created.deletes()]
    statuses = await all_at_once(db, api.account_id, calls)
    deleted, used = statuses if is_deleted_first else reversed(statuses)
    assert (deleted, used) in ((200, 422), (409, 200)) or (not excludes and (deleted, used) == (200, 200))


async def test_two_simultaneous_changes_do_not_exceed_the_limit(api: Api, db: Db) -> None:
    """Each of two changes is within the bound; both together exceed it."""
    bottom = (await api.ok(await api.post(FILTERS, filter_name=uuid.uuid4().hex)))["filter_uid"]
    middle = []
    for _ in range(40):
        values = {"filter_name": uuid.uuid4().hex, "fan_incl_segments": f"filter:{bottom}"}
        middle.append(f"filter:{(await api.ok(await api.post(FILTERS, **values)))['filter_uid']}")
    lower = (await api.ok(await api.post(FILTERS, filter_name=uuid.uuid4().hex)))["filter_uid"]
    upper = {"filter_name": uuid.uuid4().hex, "fan_incl_segments": [f"filter:{lower}"]}
    uid = (await api.ok(await api.post(FILTERS, **upper)))["filter_uid"]
    calls = [
        api.post(f"{FILTERS}/{lower}/criteria", fan_incl_segments=middle[:30]),
        api.post(f"{FILTERS}/{uid}/criteria", fan_incl_segments=[f"filter:{lower}", *middle[30:], *middle[:10]]),
    ]
    assert sorted(await all_at_once(db, api.account_id, calls)) == [200, 422]


async def test_activating_and_deactivating_at_the_same_time_is_consistent(api: Api, db: Db) -> None:
    uid = (await api.ok(await api.post(FILTERS, filter_name=uuid.uuid4().hex)))["filter_uid"]
    for _ in range(15):
        turns = [api.post(f"{FILTERS}/{uid}", is_active=is_active) for is_active in (True, False, True, False)]
        assert {answer.status_code for answer in await asyncio.gather(*turns)} == {200}
        row = await db.row(
            "select is_active, exists (select from filter_states s where s.account_id = f.account_id"
            " and s.filter_id = f.filter_id) as is_kept from filters f where account_id = $1 and filter_uid = $2",
            api.account_id,
            uuid.UUID(uid),
        )
        assert row is not None
        assert row["is_active"] == row["is_kept"]


async def test_a_count_of_former_criteria_is_not_stored(api: Api, db: Db) -> None:
    """The count is stored after the query; by then the criteria may have changed."""
    await fan(db, api.account_id, gender="diverse")
    uid = (await api.ok(await api.post(FILTERS, filter_name=uuid.uuid4().hex, fan_gender="diverse")))["filter_uid"]
    async with db.transaction() as tx:
        sql = "update filters set criteria = '{}' where account_id = $1 and filter_uid = $2"
        await tx.execute(sql, api.account_id, uuid.UUID(uid))
        look = asyncio.ensure_future(api.get(f"/api/v1/segments/filter/{uid}"))
        await until_blocked(db, tx, count=1)
    assert (await look).json()["fan_count"] == 1
    assert (await api.ok(await api.get(f"{FILTERS}/{uid}")))["last_search_count"] is None
