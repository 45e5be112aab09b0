"""Members equal the result of the search after any writes and on any day, and so do the announcements added up.

The changes are random: writes through the API, deletions, changes of filters, new days. The printed seed repeats a run.
"""

import os
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fanfare.accounts.queries import account_by_id
from fanfare.audience import client, counting
from fanfare.fans.actions.erasure import erase_fan
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.search.criteria.plans import Plan
from fanfare.segments.actions import building
from fanfare.segments.actions import members as actions
from tests.api import Api, new_api
from tests.audience.indexing import has, running
from tests.search.groups import any_groups
from tests.seeds import run_seed
from tests.segments.live import FILTERS, counts, found_now, members, settle

SEED = run_seed(18)
STEPS = 2000 if os.environ.get("FANFARE_FAULTS") == "full" else 150
TAGS, IDOLS = ("red", "green", "blue"), ("Northside FC", "The Breakwaters")
PROVINCES, GENDERS = ("BC", "ON", "AB"), ("female", "male", "diverse")


class World:
    """An account with random changes."""

    def __init__(self, api: Api, db: Db) -> None:
        self.api, self.db = api, db
        self.chance = random.Random(SEED)
        self.now = datetime.now(UTC)
        self.fans: list[int] = []
        self.filters: dict[str, str] = {}
        self.snapshots: list[str] = []

    def criteria(self) -> dict[str, Any]:
        """Return one to three random criteria, often with groups of such."""
        groups = any_groups(self.chance, self._criteria)
        return {**({} if groups and self.chance.random() < 0.5 else self._criteria()), **groups}

    def _criteria(self) -> dict[str, Any]:
        some = self.chance
        named = [f"filter:{uid}" for uid in self.filters.values()] + [f"snapshot:{uid}" for uid in self.snapshots]
        possible: dict[str, Any] = {
            "fan_tags": some.sample(TAGS, some.randint(1, 3)), "fan_tag_relations": some.choice(("any", "all")),
            "idol_names": some.sample(IDOLS, some.randint(1, 2)), "fan_provinces": some.sample(PROVINCES, 2),
            "fan_gender": some.choice(GENDERS), "fan_is_subscribed": some.choice((True, False)),
            "fan_is_optout": some.choice((True, False)), "crm_active_days": some.randint(0, 4),
            "crm_inactive_days": some.randint(0, 4), "fan_youngest_age": 18, "fan_oldest_age": 17,
            "name": some.choice(("an", "example")), "fan_networks": some.choice(("yinzcam", "phone")),
            "fan_source": some.choice(("crm_fans_create", "crm_activities_create")),
            "fan_postal_codes": some.choice(("V6B 1A1", "V6B1A2")),
        }  # fmt: skip
        if named:
            possible["fan_incl_segments"], possible["fan_excl_segments"] = (some.choice(named), some.choice(named))
        if self.snapshots:
            possible["fan_excl_snapshot_uids"] = some.choice(self.snapshots)
        return {name: possible[name] for name in some.sample(sorted(possible), some.randint(1, 3))}

    def fan(self) -> int:
        return self.chance.choice(self.fans)

    async def _post(self, path: str, **values: Any) -> Any:
        return await self.api.ok(await self.api.post(f"/api/v1/{path}", **values))

    def _names(self) -> dict[str, Any]:
        some = self.chance
        born = self.now.date() - timedelta(days=some.choice((5000, 6570, 6572, 6574, 6576, 6578, 9000)))
        possible = {
            "gender": some.choice(GENDERS), "birth_date": born.isoformat(), "first_name": some.choice(("Ann", "Bo")),
            "is_subscribed": some.choice((True, False)), "is_optout": some.choice((True, False)),
            "phone": f"+1604555{some.randrange(10_000):04d}",
        }  # fmt: skip
        existing = {name: possible[name] for name in some.sample(sorted(possible), some.randint(1, 3))}
        if some.random() < 0.5:
            postal = some.choice(("V6B 1A1", "V6B 1A2"))
            existing |= {"country_code": "CA", "province": some.choice(PROVINCES), "postal_code": postal}
        return existing

    async def makes_a_fan(self) -> None:
        existing = self._names()
        existing.pop("phone", None)
        email = f"{uuid.UUID(int=self.chance.getrandbits(128)).hex}@example.com"
        self.fans.append((await self._post("crm/fans", email=email, **existing))["fan_id"])

    async def changes_a_fan(self) -> None:
        answer = await self.api.post(f"/api/v1/crm/fans/{self.fan()}", **self._names())
        assert answer.status_code in (200, 409), answer.text

    async def tags(self) -> None:
        some = self.chance.sample(self.fans, min(5, len(self.fans)))
        action = self.chance.choice(("add", "add", "delete"))
        answer = await self.api.post(
            "/api/v1/manage/tags/fans", tag_name=self.chance.choice(TAGS), fan_ids=some, action=action
        )
        assert answer.status_code in (200, 404), answer.text

    async def drops_a_tag(self) -> None:
        existing = await self.api.ok(await self.api.get("/api/v1/manage/tags"))
        if existing and self.chance.random() < 0.2:
            answer = await self.api.delete(f"/api/v1/manage/tags/{self.chance.choice(existing)['tag_id']}")
            assert answer.status_code in (200, 409), answer.text

    async def follows(self) -> None:
        action = self.chance.choice(("add", "delete"))
        path = f"/api/v1/crm/fans/{self.fan()}/idols"
        answer = await self.api.post(path, action=action, idol_name=self.chance.choice(IDOLS))
        assert answer.status_code in (200, 404), answer.text

    async def is_active(self) -> None:
        await self._post(f"crm/fans/{self.fan()}/activities", campaign_title="Quiz")

    async def comes_by_an_activity(self) -> None:
        email = f"{self.chance.randrange(30)}@example.com"
        created = await self._post(
            "crm/activities", email=email, campaign_title="Quiz", is_subscribed=self.chance.choice((True, False))
        )
        self.fans = sorted({*self.fans, created[0]["fan_id"]})

    async def is_identified(self) -> None:
        path = f"/api/v1/manage/fans/{self.fan()}/identifiers"
        values = {"network": "yinzcam", "identifier_value": f"yz-{self.chance.randrange(20)}"}
        call = self.chance.choice((self.api.post, self.api.delete))
        assert (await call(path, **values)).status_code in (200, 404, 409)

    async def is_deleted(self) -> None:
        if len(self.fans) > 20:
            gone = self.fans.pop(self.chance.randrange(len(self.fans)))
            await erase_fan(self.db, self.api.account_id, gone, datetime.now(UTC), source="test")

    async def makes_a_filter(self) -> None:
        if len(self.filters) < 25:
            name = f"filter {len(self.filters)}"
            answer = await self.api.post(FILTERS, filter_name=name, **self.criteria())
            # What an excluded filter names may not be there yet.
            assert answer.status_code in (200, 422), answer.text
            if answer.status_code == 200:
                self.filters[name] = answer.json()["filter_uid"]

    async def changes_a_filter(self) -> None:
        uid = self.chance.choice(list(self.filters.values()))
        if self.chance.random() < 0.3:
            await self._post(f"manage/filters/{uid}", is_active=self.chance.choice((True, False)))
        else:
            answer = await self.api.post(f"{FILTERS}/{uid}/criteria", **self.criteria())
            assert answer.status_code in (200, 422), answer.text

    async def freezes(self) -> None:
        if len(self.snapshots) < 4:
            fan_ids = self.chance.sample(self.fans, len(self.fans) // 2)
            created = await self._post("manage/snapshots", snapshot_name=f"s{len(self.snapshots)}", fan_ids=fan_ids)
            self.snapshots.append(created["snapshot_uid"])

    async def time_passes(self) -> None:
        self.now += timedelta(hours=self.chance.choice((1, 7, 20, 49)))

    async def follower_works(self) -> None:
        await actions.keep_members(self.db, await account_by_id(self.db, self.api.account_id), self.now)

    def happenings(self) -> dict[Callable[[], Awaitable[None]], int]:
        """Return the possible changes with their weights."""
        return {
            self.makes_a_fan: 8, self.changes_a_fan: 12, self.tags: 12, self.drops_a_tag: 3, self.follows: 8,
            self.is_active: 8, self.comes_by_an_activity: 6, self.is_identified: 6, self.is_deleted: 3,
            self.makes_a_filter: 8, self.changes_a_filter: 3, self.freezes: 2, self.time_passes: 6,
            self.follower_works: 15,
        }  # fmt: skip


async def changed_nothing(db: Db, account_id: int) -> list[Any]:
    """Return the announcements that repeat the previous one of the same fan and filter since its last build."""
    return await db.rows(
        """
        select told.* from (
            select subject_id, fan_id, topic, position,
                   lag(topic) over (partition by subject_id, builds, fan_id order by position) as before
            from (select subject_id, fan_id, topic, position, count(*) filter (where topic = 'segment.built')
                             over (partition by subject_id order by position) as builds
                  from changes where account_id = $1 and topic like 'segment.%') each
            where topic <> 'segment.built') told
        where told.topic = told.before
        """,
        account_id,
    )


@asynccontextmanager
async def index(settings: Settings, db: Db, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[bool]]:
    """Run an index process; the list gets for each query whether the index answered."""
    result: list[bool] = []
    matches, next_fans = counting.matches, counting.next_fans

    async def noted_matches(tx: Db, account: Account, plans: list[Plan], fan_ids: list[int]) -> list[list[int]] | None:
        answer = await matches(tx, account, plans, fan_ids)
        if plans:
            result.append(answer is not None)
        return answer

    async def noted_next(*args: Any) -> list[int] | None:
        answer = await next_fans(*args)
        result.append(answer is not None)
        return answer

    monkeypatch.setattr(counting, "matches", noted_matches)
    monkeypatch.setattr(counting, "next_fans", noted_next)
    # So that a build takes several answers.
    monkeypatch.setattr(building, "INDEXED_CHUNK", 3)
    monkeypatch.setattr(counting, "MEMBERS_SECONDS", 20.0)
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 20.0)
    async with running(settings) as process:
        await has(process, await db.value("select count(*) from accounts"))
        yield result


async def test_members_equal_the_search(api: Api, db: Db) -> None:
    await always_right(World(api, db))


async def test_members_equal_the_search_with_the_audience_index(
    base_url: str, db: Db, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = settings.replace(data_dir=tmp_path)
    async with new_api(base_url, db) as api, index(here, db, monkeypatch) as result:
        await always_right(World(api, db))
        assert result.count(True) > 10
        assert False not in result


async def always_right(world: World) -> None:
    """Make random changes, and check after every ten that the members are the fans whom the search finds."""
    api, db = world.api, world.db
    for _ in range(12):
        await world.makes_a_fan()
    for _ in range(6):
        await world.makes_a_filter()
    things = world.happenings()
    for step in range(STEPS):
        (thing,) = world.chance.choices(list(things), list(things.values()))
        await thing()
        if step % 10 == 9:
            await settle(db, api.account_id, world.now)
            here = await members(db, api.account_id)
            assert here == await found_now(db, api.account_id, world.now), f"after step {step}"
            assert {name: len(fan_ids) for name, fan_ids in here.items()} == await counts(db, api.account_id)
    await world.follower_works()
    for name, uid in world.filters.items():
        fan_id = world.fan()
        result = await api.ok(await api.get(f"/api/v1/manage/segments/filter/{uid}/fans/{fan_id}"))
        searched = await found_now(db, api.account_id, datetime.now(UTC))
        is_kept = await db.value("select is_active from filters where account_id = $1 and filter_name = $2",
                                 api.account_id, name)  # fmt: skip
        assert result["is_member"] == (fan_id in searched[name]) or not is_kept, (name, result)
    assert await changed_nothing(db, api.account_id) == []
    result = await db.value(
        "select count(*) from changes where account_id = $1 and topic = 'segment.left'", api.account_id
    )
    assert result > 20
