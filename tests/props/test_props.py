"""Props: what sites store under a name, and votes of which none is lost."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from fanfare.props.actions import save
from fanfare.props.schemas import NewProp
from tests.api import Api

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PATH, MANAGE = "/api/v1/props", "/api/v1/manage/props"


async def store(api: Api, name: str, **body: Any) -> Any:
    return await api.ok(await api.public_post(f"{PATH}/{name}", **body))


async def test_a_value_is_stored_read_and_replaced(api: Api) -> None:
    value = {"home": "Northside", "goals": [1, 2], "nested": {"a": None}}
    assert await store(api, "match") == {}
    assert await store(api, "match", props=value) == value
    assert await store(api, "match") == value
    assert await store(api, "match", props={"home": "Harbour"}) == {"home": "Harbour"}


async def test_counters_are_added_to_the_numbers_of_the_object(api: Api) -> None:
    assert await store(api, "poll", props={"yes": 10, "title": "Extra time?"}, increment={"yes": 1, "no": 2}) == {
        "title": "Extra time?", "yes": 11, "no": 2,
    }  # fmt: skip
    assert (await store(api, "poll", increment={"no": -5}))["no"] == -3
    # A new value starts its counters anew.
    assert await store(api, "poll", props={"yes": 1}) == {"yes": 1}
    assert await store(api, "another", increment={"yes": 1}) == {"yes": 1}


async def test_no_vote_is_lost(api: Api) -> None:
    """Votes of the same moment, while the value is replaced by one with the same numbers in it."""
    bodies: list[dict[str, Any]] = [{"increment": {"b": 1, "a": 1}}, {"props": {}}]
    votes = [store(api, "votes", increment={"a": 1, "b": 2}) for _ in range(100)]
    await asyncio.gather(*votes)
    assert await store(api, "votes") == {"a": 100, "b": 200}
    await asyncio.gather(*(store(api, "votes", **body) for body in bodies * 20))
    result = await store(api, "votes", increment={"a": 0, "b": 0})
    assert result["a"] == result["b"] <= 20


async def test_the_first_votes_of_one_moment_are_counted(api: Api, db: Db) -> None:
    """Votes under names that nothing is stored under yet, over many connections."""
    new = [NewProp(f"first {number % 5}", increment={"a": 1}) for number in range(50)]
    await asyncio.gather(*(save(db, api.account_id, each, NOW) for each in new))
    assert [await store(api, f"first {number}") for number in range(5)] == [{"a": 10}] * 5


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"props": [1]}, "props"),
        ({"props": "{"}, "props"),
        ({"props": {"a": "x" * 16_384}}, "props"),
        ({"props": {"a": "\u0000"}}, "props"),
        ({"increment": {"a": 1.5}}, "increment"),
        ({"increment": {"a": True}}, "increment"),
        ({"increment": {"a": "1"}}, "increment"),
        ({"increment": {"a": 1_000_001}}, "increment"),
        ({"increment": {"": 1}}, "increment"),
        ({"increment": {"a" * 101: 1}}, "increment"),
        ({"increment": {f"{each}": 1 for each in range(101)}}, "increment"),
        ({"props": {"a": "text"}, "increment": {"a": 1}}, "increment"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_stored(api: Api, body: Any, field: str) -> None:
    answer = await api.public_post(f"{PATH}/wrong", **body)
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (422, [field])
    assert await store(api, "wrong") == {}


async def test_the_counters_under_a_name_are_limited(api: Api) -> None:
    full = {f"{each}": 1 for each in range(100)}
    await store(api, "full", increment=full)
    assert (await api.public_post(f"{PATH}/full", increment={"one more": 1})).status_code == 422
    assert await store(api, "full", increment=full) == dict.fromkeys(full, 2)


async def test_the_names_of_an_account_are_limited(other_api: Api, db: Db) -> None:
    """Those that are created at the same moment are counted too."""
    await db.execute(
        "insert into props (account_id, prop_name, prop_id, content, created_at, updated_at)"
        " select $1, 'name' || i, nextval('positions'), '{}', now(), now() from generate_series(1, 9998) i",
        other_api.account_id,
    )
    answers = await asyncio.gather(*(other_api.public_post(f"{PATH}/new{each}", props={}) for each in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 2 + [409] * 4
    await store(other_api, "name1", props={"a": 1})


async def test_staff_list_and_delete_what_is_stored(api: Api) -> None:
    await store(api, "listed", props={"a": 1}, increment={"a": 1})
    await store(api, "later", props={})
    rows = await api.ok(await api.get(MANAGE))
    names = [row["prop_name"] for row in rows]
    assert names.index("listed") < names.index("later")
    assert rows[names.index("listed")]["props"] == {"a": 2}
    first = await api.get(MANAGE, limit=1)
    second = await api.get(MANAGE, limit=1, cursor=first.headers["X-Next-Cursor"])
    assert [*first.json(), *second.json()] == rows[:2]
    assert await api.ok(await api.delete(f"{MANAGE}/listed"))
    assert (await api.delete(f"{MANAGE}/listed")).status_code == 404
    assert await store(api, "listed") == {}
    assert await store(api, "listed", increment={"a": 1}) == {"a": 1}


async def test_changes_are_announced(api: Api, db: Db) -> None:
    await store(api, "news", props={})
    await store(api, "news", props={"a": 1}, increment={"a": 1})
    await api.ok(await api.delete(f"{MANAGE}/news"))
    rows = await db.rows(
        "select topic from changes where account_id = $1 and subject_id = 'news' order by position", api.account_id
    )
    assert [row["topic"] for row in rows] == ["prop.created", "prop.updated", "prop.updated", "prop.deleted"]
