"""Three accounts with a fan each: what Alice plans is on her schedule, and nothing of it reaches Bob or Carol."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Answer, Api, new_api


@dataclass
class Person:
    """A fan, and the account that knows her or him."""

    api: Api
    fan_id: int
    show: str

    @property
    def path(self) -> str:
        return f"/api/v1/crm/fans/{self.fan_id}"

    async def plan(self, show: str) -> Answer:
        return await self.api.post(f"{self.path}/performances", performance_uid=show)

    async def planned(self) -> list[str]:
        schedule: dict[str, Any] = await self.api.ok(await self.api.get(f"{self.path}/events"))
        return [row["performance_uid"] for row in schedule["performances"]]


async def a_person(api: Api, name: str) -> Person:
    """Make a fan in an account, and a show of that account to go to."""
    fan = await api.ok(await api.post("/api/v1/crm/fans", first_name=name, email=f"{name.lower()}@example.com"))
    show = {"performance_name": f"{name}'s show", "performance_date": "2027-07-03"}
    created = await api.ok(await api.post("/api/v1/performances", **show))
    return Person(api, fan["fan_id"], created["performance_uid"])


@pytest.fixture
async def people(base_url: str, db: Db) -> AsyncIterator[list[Person]]:
    """Alice, Bob and Carol."""
    async with AsyncExitStack() as stack:
        names = ("Alice", "Bob", "Carol")
        yield [await a_person(await stack.enter_async_context(new_api(base_url, db, f"Club of {n}")), n) for n in names]


async def test_each_has_an_own_schedule(people: list[Person]) -> None:
    alice, bob, carol = people
    assert (await alice.plan(alice.show)).status_code == 200
    assert (await bob.plan(bob.show)).status_code == 200
    assert await alice.planned() == [alice.show]
    assert await bob.planned() == [bob.show]
    assert await carol.planned() == []


async def test_bob_cannot_plan_to_see_the_show_of_another_account(people: list[Person]) -> None:
    alice, bob, _ = people
    assert (await bob.plan(alice.show)).status_code == 404
    assert await bob.planned() == []


async def test_bob_cannot_end_the_show_that_alice_goes_to(people: list[Person]) -> None:
    alice, bob, _ = people
    await alice.plan(alice.show)
    assert (await bob.api.delete(f"/api/v1/performances/{alice.show}")).status_code == 404
    assert (await bob.api.delete(f"{bob.path}/performances", performance_uid=alice.show)).status_code == 404
    assert await alice.planned() == [alice.show]


async def test_alice_and_carol_go_together_when_one_account_knows_both(people: list[Person]) -> None:
    alice, _, carol = people
    friend = await a_person(alice.api, "Carol")
    assert (await alice.plan(alice.show)).status_code == 200
    assert (await friend.plan(alice.show)).status_code == 200
    assert await friend.planned() == [alice.show]
    # The Carol whom the other account knows is another fan, though the address is the same.
    assert friend.fan_id != carol.fan_id
    assert await carol.planned() == []


async def test_a_show_that_ends_leaves_the_other_plans_alone(people: list[Person]) -> None:
    alice, bob, _ = people
    second = await a_person(alice.api, "Dora")
    await alice.plan(alice.show)
    await alice.plan(second.show)
    await bob.plan(bob.show)
    await alice.api.ok(await alice.api.delete(f"/api/v1/performances/{alice.show}"))
    assert await alice.planned() == [second.show]
    assert await bob.planned() == [bob.show]
