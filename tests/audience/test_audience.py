"""The audience index agrees with SQL: for any criteria, after any writes, loaded or built."""

import random
import uuid
import zlib
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fanfare.accounts.queries import account_by_id
from fanfare.audience import counting
from fanfare.audience.index import evaluation
from fanfare.audience.process.updater import IndexUpdater
from fanfare.fans.actions.fans import create_fan
from fanfare.fans.schemas.fans import NewFan
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import read
from fanfare.search.criteria import Criteria, tickets
from fanfare.search.criteria.uses import plan_of
from fanfare.search.queries import conditions, stats
from fanfare.search.schemas.stats import FilterStats
from tests.api import Api, new_api
from tests.audience.sales import EVENTS, any_ticket, any_ticket_criteria
from tests.search.crowd import activity, fan, follow, tag
from tests.search.groups import all_leaves, any_groups, parts
from tests.tickets.sold import bulk

ZONES = ("America/Los_Angeles", "Asia/Kathmandu", "America/Havana")
TAGS, IDOLS = ("VIP", "Season", "Press"), ("Northside FC", "The Breakwaters")
PROVINCES, CITIES = ("BC", "WA", "Bavaria", None), ("Vancouver", "Seattle", None)
COUNTRIES, METRO_AREAS = ("CA", "US", None), ("Vancouver", "SEATTLE", "Seattle", None)
POSTAL_CODES = ("V6B 1A1", "v6b1a1", "98101", None)
GENDERS, SOURCES = ("female", "male", "diverse", None), ("Wifi", "import", None)
NETWORKS = ("facebook", "spotify")


def any_fan(chance: random.Random) -> dict[str, Any]:
    """Return random columns of a row of `fans`."""
    places = {
        "province": PROVINCES, "city": CITIES, "country_code": COUNTRIES, "metro_area": METRO_AREAS,
        "postal_code": POSTAL_CODES, "gender": GENDERS, "fan_source": SOURCES,
        "rating": (None, 1, 2.5, 3.3, 5), "latitude": (None, 49.2827, -33.5), "longitude": (None, -123.1207, 151.2),
        "is_subscribed": (True, False), "is_optout": (True, False, False), "is_phone_subscribed": (True, False),
    }  # fmt: skip
    born = date.today() - timedelta(days=chance.randrange(365 * 90))  # noqa: DTZ011 - any day will do
    email = f"{uuid.UUID(int=chance.getrandbits(128))}@example.com" if chance.random() < 0.7 else None
    return {
        **{name: chance.choice(values) for name, values in places.items()},
        "email": email,
        "phone": f"+1604555{chance.randrange(10000):04}" if email is None or chance.random() < 0.4 else None,
        "birth_date": born if chance.random() < 0.8 else None,
        "created_at": any_moment(chance),
    }


def any_moment(chance: random.Random) -> datetime:
    """Return a moment of the last 400 days, often close to midnight in a time zone."""
    moment = datetime.now(UTC) - timedelta(days=chance.uniform(0, 400))
    if chance.random() < 0.5:
        moment = moment.replace(hour=chance.choice((4, 5, 7, 8, 18)), minute=chance.choice((0, 14, 15, 59)), second=0)
    return min(moment, datetime.now(UTC))


def any_leaves(chance: random.Random, snapshot_uid: uuid.UUID, filter_uid: str, tag_id: int) -> dict[str, Any]:
    """Return one to four random criteria that the index supports, often with criteria on tickets."""
    day = (datetime.now(UTC) - timedelta(days=chance.randrange(420))).date()
    unknown = uuid.UUID(int=7)
    segment = [
        chance.choice((f"tag:{tag_id}", f"filter:{filter_uid}", f"snapshot:{snapshot_uid}", f"filter:{unknown}"))
    ]
    offered: dict[str, Any] = {
        "fan_gender": chance.choice(GENDERS[:3]), "fan_youngest_age": chance.randrange(90),
        "fan_oldest_age": chance.randrange(90),
        "fan_networks": [chance.choice(NETWORKS), "Email"][: chance.randrange(3)],
        "fan_postal_codes": ["v6b 1a1", "10115"][chance.randrange(2) :],
        "fan_provinces": ["bc", "WA", "bavaria"][chance.randrange(3) :],
        "fan_metro_areas": ["seattle", "Vancouver"][chance.randrange(2) :], "fan_is_subscribed": chance.random() < 0.5,
        "fan_is_optout": chance.random() < 0.5, "fan_is_phone_subscribed": chance.random() < 0.5,
        "fan_rating": chance.choice((1, 2.5, 3.25, 3.3, 5)), "fan_source": chance.choice(("WIFI", "Import", "none")),
        "fan_start_creation_date": day, "fan_end_creation_date": day + timedelta(days=90),
        "crm_active_days": chance.randrange(400), "crm_inactive_days": chance.randrange(400),
        "crm_start_active_date": day, "crm_end_active_date": day,
        "fan_tags": chance.sample(["vip", "SEASON", "press", "nobody"], 2),
        "idol_names": chance.sample([each.lower() for each in IDOLS], chance.randrange(1, 3)),
        "fan_incl_snapshot_uids": [snapshot_uid], "fan_excl_snapshot_uids": [snapshot_uid],
        "fan_incl_segments": segment, "fan_excl_segments": segment,
    }  # fmt: skip
    about_tickets = any_ticket_criteria(chance) if chance.random() < 0.5 else {}
    count = chance.randrange(2) if about_tickets else chance.randrange(1, 5)
    relations = {name: chance.choice(("any", "all")) for name in ("fan_tag_relations", "idol_relations")}
    return {**{name: offered[name] for name in chance.sample(sorted(offered), count)}, **about_tickets, **relations}


def any_criteria(chance: random.Random, snapshot_uid: uuid.UUID, filter_uid: str, tag_id: int) -> Criteria:
    """Return random criteria, often with groups, as a call reads them."""
    groups = any_groups(chance, lambda: any_leaves(chance, snapshot_uid, filter_uid, tag_id))
    leaves = {} if groups and chance.random() < 0.5 else any_leaves(chance, snapshot_uid, filter_uid, tag_id)
    values = msgspec.to_builtins({**leaves, **groups})
    return read(Criteria, {name: [value] for name, value in values.items()})


class Crowd:
    """An account with random fans, and the comparison of its index with SQL."""

    def __init__(self, api: Api, db: Db, account: Account, chance: random.Random) -> None:
        self.api, self.db, self.account, self.chance = api, db, account, chance
        self.fan_ids: list[int] = []
        self.ticket_ids: list[int] = []
        self.merged: tuple[int, int] | None = None
        self.snapshot_uid, self.filter_uid, self.tag_id = uuid.UUID(int=0), "", 0

    async def fill(self, count: int) -> None:
        account_id = self.account.id
        self.fan_ids = [await fan(self.db, account_id, **any_fan(self.chance)) for _ in range(count)]
        for name in TAGS:
            self.tag_id = await tag(self.db, account_id, name, *self.some())
        for name in IDOLS:
            await follow(self.db, account_id, name, *self.some())
        for fan_id in self.some():
            await activity(self.db, account_id, fan_id, any_moment(self.chance))
        for fan_id in self.some():
            await self.db.execute(
                "insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)"
                " values ($1, $2, $3::text, $4, now())",
                account_id, self.chance.choice(NETWORKS), str(fan_id), fan_id,
            )  # fmt: skip
        await self._sell(40)
        created = await self.api.ok(
            await self.api.post("/api/v1/manage/snapshots", snapshot_name=f"list {count}", fan_ids=self.some())
        )
        self.snapshot_uid = uuid.UUID(created["snapshot_uid"])
        payload = {"filter_name": f"filter {count}", "fan_is_subscribed": True, "fan_tags": ["vip", "press"]}
        self.filter_uid = (await self.api.ok(await self.api.post("/api/v1/manage/filters", **payload)))["filter_uid"]

    def some(self) -> list[int]:
        return self.chance.sample(self.fan_ids, len(self.fan_ids) // 3)

    async def agree(self, follower: IndexUpdater, questions: int) -> None:
        """Check that the index agrees with SQL."""
        for _ in range(questions):
            expected = any_criteria(self.chance, self.snapshot_uid, self.filter_uid, self.tag_id)
            now = datetime.now(UTC)
            if await self.excludes_nothing(expected):
                with pytest.raises(BadParameters):
                    await conditions.checked_context(self.db, self.account, expected, now)
                continue
            context = await conditions.checked_context(self.db, self.account, expected, now)
            query = plan_of(expected, context)
            between = [each for each in all_leaves(expected) if each.crm_start_active_date and each.crm_end_active_date]
            assert (query is None) == bool(between)
            if query is None:
                continue
            audience = await follower.refresh()
            result = evaluation.count(audience, query)
            assert result == await conditions.fan_count(self.db, self.account.id, expected, context), expected
            looked = [*self.some(), 2**31]
            (inside,) = evaluation.matches(audience, [query], looked)
            assert inside == await self.matches(expected, looked, now), expected
            figures = evaluation.statistics(audience, query, counting.stats_options(context))
            assert plain(figures) == plain(await stats.criteria_stats(self.db, self.account.id, expected, context)), (
                expected
            )

    async def excludes_nothing(self, criteria: Criteria) -> bool:
        """Return whether criteria, or those in their groups, exclude what does not exist."""
        leaves = [(criteria, False), *((member, is_out) for _, member, is_out in parts(criteria))]
        return any([await self._excludes_nothing(each, is_out=is_out) for each, is_out in leaves])

    async def _excludes_nothing(self, criteria: Any, *, is_out: bool) -> bool:
        there = "select true from snapshots where account_id = $1 and snapshot_uid = $2"
        is_gone = not await self.db.value(there, self.account.id, self.snapshot_uid)
        gone = {f"filter:{uuid.UUID(int=7)}", *([f"snapshot:{self.snapshot_uid}"] if is_gone else [])}
        excluded = [*(criteria.fan_excl_segments or []), *((criteria.fan_incl_segments or []) if is_out else [])]
        lists = criteria.fan_excl_snapshot_uids or (is_out and criteria.fan_incl_snapshot_uids)
        if gone.intersection(excluded) or (is_gone and lists):
            return True
        if is_out and "nobody" in (criteria.fan_tags or []):
            return True
        sql = "select lower(event_name), lower(venue_name), lower(artist_name) from ticket_events where account_id = $1"
        rows = [tuple(row) for row in await self.db.rows(sql, self.account.id)]
        query = (criteria.ticket_event_name, criteria.ticket_venue_name, criteria.ticket_artist_name)
        missing = [
            name for place, name in enumerate(query) if name and name.lower() not in {row[place] for row in rows}
        ]
        is_negated = criteria.ticket_is_negative != tickets.is_inverted(tickets.count_bounds(criteria))
        return (is_out or is_negated) and not await self._sells(criteria) and bool(missing)

    async def _sells(self, criteria: Any) -> bool:
        """Return whether a ticket event is as criteria describe it."""
        query = tickets.event_query(criteria, self.account.country_code)
        return query is not None and bool(await tickets.event_uids(self.db, self.account.id, query))

    async def matches(self, criteria: Criteria, fan_ids: list[int], now: datetime) -> list[int]:
        """Return by SQL those of some fans who meet criteria."""
        where = await conditions.condition(self.db, self.account, criteria, now)
        args, (among,) = where.with_arguments(fan_ids)
        sql = "select f.fan_id from fans f where f.account_id = $1 and f.fan_id = any({}) and {} order by f.fan_id"
        return [row["fan_id"] for row in await self.db.rows(sql.format(among, where.sql), *args)]

    async def write(self, writes: int) -> None:
        """Change fans through the API."""
        acts: list[Callable[[int], Awaitable[None]]] = [
            self._make, self._change, self._tag, self._untag, self._follow, self._act,
            self._identify, self._delete, self._freeze, self._thaw, self._merge, self._part, self._sell,
            self._exchange, self._refund, self._rename,
        ]  # fmt: skip
        for _ in range(writes):
            await self.chance.choice(acts)(self.chance.choice(self.fan_ids))

    async def _ok(self, method: str, path: str, **values: Any) -> Any:
        answer = await getattr(self.api, method)(f"/api/v1/{path}", **values)
        assert answer.status_code in (200, 404, 409), answer.text
        return answer.json()

    async def _make(self, _: int) -> None:
        created = any_fan(self.chance)
        result = {name: created[name] for name in ("gender", "city", "is_subscribed")}
        email = f"{uuid.UUID(int=self.chance.getrandbits(128))}@example.com"
        values = {name: value for name, value in result.items() if value is not None}
        saved = await self._ok(
            "post", "crm/fans", email=email, idol_names=[self.chance.choice(IDOLS)], country_code="CA", **values
        )
        self.fan_ids.append(saved["fan_id"])

    async def _change(self, fan_id: int) -> None:
        created = any_fan(self.chance)
        names = self.chance.sample(["gender", "city", "is_subscribed", "is_optout", "is_phone_subscribed"], 2)
        values = {name: created[name] for name in names if created[name] is not None}
        await self._ok("post", f"crm/fans/{fan_id}", **values, country_code=self.chance.choice(("CA", "US")))

    async def _tag(self, _: int) -> None:
        fan_ids = self.some()[:5]
        await self._ok("post", "manage/tags/fans", tag_name=self.chance.choice(TAGS), fan_ids=fan_ids)

    async def _untag(self, _: int) -> None:
        fan_ids = self.some()[:5]
        await self._ok("post", "manage/tags/fans", tag_name=self.chance.choice(TAGS), action="delete", fan_ids=fan_ids)

    async def _follow(self, fan_id: int) -> None:
        action = self.chance.choice(("add", "delete"))
        await self._ok("post", f"crm/fans/{fan_id}/idols", idol_name=self.chance.choice(IDOLS), action=action)

    async def _act(self, fan_id: int) -> None:
        await self._ok("post", f"crm/fans/{fan_id}/activities", campaign_title="Quiz")

    async def _identify(self, fan_id: int) -> None:
        result = {"network": self.chance.choice(NETWORKS), "identifier_value": f"again {fan_id}"}
        await self._ok(self.chance.choice(("post", "delete")), f"manage/fans/{fan_id}/identifiers", **result)

    async def _delete(self, fan_id: int) -> None:
        await self._ok("delete", f"crm/fans/{fan_id}")

    async def _thaw(self, _: int) -> None:
        await self._ok("delete", f"manage/snapshots/{self.snapshot_uid}")

    async def _merge(self, fan_id: int) -> None:
        merged = self.chance.choice([each for each in self.fan_ids if each != fan_id])
        await self._ok("post", f"manage/fans/{fan_id}/merge", merged_fan_id=merged)
        self.merged = (fan_id, merged)

    async def _part(self, _: int) -> None:
        if self.merged:
            await self._ok("post", f"manage/fans/{self.merged[0]}/unmerge", merged_fan_id=self.merged[1])

    async def _sell(self, limit: int) -> None:
        """Sell tickets to existing and new fans; a few buy many."""
        rows = [
            any_ticket(self.chance, f"buyer{self.chance.randrange(12)}@example.com", any_moment(self.chance))
            for _ in range(min(limit, 40))
        ]
        for row in await bulk(self.api, *rows):
            self.ticket_ids.append(row["ticket_id"])
            if row["fan_id"] not in self.fan_ids:
                self.fan_ids.append(row["fan_id"])

    async def _exchange(self, _: int) -> None:
        fresh = any_ticket(self.chance, "", any_moment(self.chance))
        names = ("num_seats", "paid_amount", "order_key", "price_code", "purchase_timestamp", "is_deleted")
        result = {name: fresh[name] for name in self.chance.sample(names, 3) if name in fresh}
        await self._ok("post", f"manage/tickets/{self.chance.choice(self.ticket_ids)}", **result)

    async def _refund(self, _: int) -> None:
        await self._ok("delete", f"manage/tickets/{self.chance.choice(self.ticket_ids)}")

    async def _rename(self, _: int) -> None:
        sql = "select event_uid from ticket_events where account_id = $1 and event_key = $2"
        event = self.chance.choice(EVENTS)
        event_uid = await self.db.value(sql, self.account.id, event)
        name = self.chance.choice((event, "Renamed"))
        await self._ok("post", "crm/tickets/events", action="update", event_uid=str(event_uid), event_name=name)

    async def _freeze(self, _: int) -> None:
        name = f"list {self.chance.getrandbits(64)}"
        created = await self._ok("post", "manage/snapshots", snapshot_name=name, fan_ids=self.some())
        self.snapshot_uid = uuid.UUID(created["snapshot_uid"])


def plain(figures: FilterStats) -> Any:
    """Return statistics in a comparable form: without the order of equal counts, and centres to a hundred metres."""
    result = msgspec.to_builtins(figures)
    for place in result["top_locations"]:
        for name in ("latitude", "longitude"):
            place[name] = None if place[name] is None else pytest.approx(place[name], abs=1e-3)
    result["fan_demographics"]["genders"].sort(key=lambda each: str(each["gender"]))
    result["fan_demographics"]["ages"].sort(key=lambda each: str(each["youngest_age"]))
    return result


@pytest.mark.parametrize("zone", ZONES)
async def test_the_index_agrees_with_sql(base_url: str, db: Db, tmp_path: Path, zone: str) -> None:
    chance = random.Random(zone)
    async with new_api(base_url, db, zone, zone) as api:
        crowd = Crowd(api, db, await account_by_id(db, api.account_id), chance)
        await crowd.fill(90)
        follower = IndexUpdater(db, api.account_id, tmp_path)
        await follower.start(zone)
        await crowd.agree(follower, 60)
        for _ in range(4):
            await crowd.write(15)
            await crowd.agree(follower, 15)
        await follower.save()
        await crowd.write(15)
        later = IndexUpdater(db, api.account_id, tmp_path)
        await later.start(zone)
        await crowd.agree(later, 30)
        assert later.origin == "file"


async def test_a_damaged_or_foreign_file_is_not_loaded(api: Api, db: Db, tmp_path: Path) -> None:
    await api.ok(await api.post("/api/v1/crm/fans", email="a@example.com"))
    remaining = IndexUpdater(db, api.account_id, tmp_path)
    await remaining.start("America/Los_Angeles")
    await remaining.save()
    full = remaining.file.read_bytes()
    other = msgspec.msgpack.encode({"source": "1.1", "zone": "America/Los_Angeles"})
    other_format = zlib.crc32(other).to_bytes(4, "big") + other
    for written in (full[:-1], full[:50], b"", bytes([*full[:-20], full[-20] ^ 1, *full[-19:]]), other_format):
        remaining.file.write_bytes(written)
        assert await origin_of(db, api.account_id, tmp_path) == "tables"
    remaining.file.write_bytes(full)
    assert await origin_of(db, api.account_id, tmp_path, "Asia/Tokyo") == "tables"
    assert await origin_of(db, api.account_id, tmp_path) == "file"
    # A change log that was trimmed, or is of a database that was restored, does not lead on from there.
    await db.execute(
        "update changes set occurred_at = occurred_at + interval '1 second' where account_id = $1", api.account_id
    )
    assert await origin_of(db, api.account_id, tmp_path) == "tables"
    await db.execute("delete from changes where account_id = $1", api.account_id)
    assert await origin_of(db, api.account_id, tmp_path) == "tables"


async def origin_of(db: Db, account_id: int, folder: Path, zone: str = "America/Los_Angeles") -> str:
    follower = IndexUpdater(db, account_id, folder)
    await follower.start(zone)
    return follower.origin


async def test_a_slow_transaction_hides_no_change_and_delays_no_query(api: Api, db: Db, tmp_path: Path) -> None:
    async def counted() -> int:
        return len((await follower.refresh()).fans)

    follower = IndexUpdater(db, api.account_id, tmp_path)
    await follower.start("America/Los_Angeles")
    old = await counted()
    account = await account_by_id(db, api.account_id)
    async with db.transaction() as slow:
        await create_fan(slow, account, NewFan(email="slow@example.com"), datetime.now(UTC), source="test")
        for created in range(1, 4):
            await api.ok(await api.post("/api/v1/crm/fans", email=f"quick{created}@example.com"))
            assert await counted() == old + created
    assert await counted() == old + 4
