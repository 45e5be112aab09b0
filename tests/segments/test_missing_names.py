"""Unknown names: where criteria include fans they match nobody, where criteria exclude fans they are refused.

SQL, index and a model of sets agree on criteria with known and unknown names, also in nested filters.
"""

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fanfare.accounts.queries import account_by_id
from fanfare.audience.index import evaluation
from fanfare.audience.process.updater import IndexUpdater
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import plan_of
from fanfare.search.criteria.where import Where
from fanfare.search.queries import conditions
from tests.api import Api
from tests.search.crowd import SEARCH, follow, many_fans, tag
from tests.segments.live import FILTERS
from tests.segments.test_references import store
from tests.tickets.sold import bulk, line

EVENT_NAMES = [f"known {number}" for number in range(12)]
UNKNOWN = ["unknown 1", "unknown 2"]
GONE = ["filter:00000000-0000-0000-0000-000000000007", "snapshot:00000000-0000-0000-0000-000000000007", "tag:987654321"]
NO_EVENT = "matches no ticket event: never"
COUNT, STATS = f"{FILTERS}/count", f"{FILTERS}/stats"


class Model:
    """Fans as sets of the names that each is linked to, and criteria evaluated on those sets."""

    def __init__(self, api: Api, db: Db) -> None:
        self.api, self.db = api, db
        self.chance = random.Random(6)
        self.ties: dict[str, dict[str, set[int]]] = {"fan_tags": {}, "idol_names": {}, "ticket_event_name": {}}
        self.fans: set[int] = set()
        self.segments: dict[str, dict[str, Any]] = {}

    async def fill(self) -> None:
        fan_ids = await many_fans(self.db, self.api.account_id, 40)
        for name in EVENT_NAMES:
            tagged, following = (self.chance.sample(fan_ids, self.chance.choice((5, 15, 38))) for _ in range(2))
            self.ties["fan_tags"][name] = set(tagged)
            self.ties["idol_names"][name] = set(following)
            tag_id = await tag(self.db, self.api.account_id, name, *tagged)
            self.segments[f"tag:{tag_id}"] = {"fan_tags": [name], "fan_tag_relations": "any"}
            await follow(self.db, self.api.account_id, name, *following)
        (sold,) = await bulk(self.api, line(event_name=EVENT_NAMES[0]))
        self.ties["ticket_event_name"][EVENT_NAMES[0]] = {sold["fan_id"]}
        self.fans = {*fan_ids, sold["fan_id"]}
        for _ in range(60):
            criteria = self.criteria()
            self.segments[await store(self.db, self.api, **criteria)] = criteria

    def criteria(self) -> dict[str, Any]:
        """Return one or two criteria that name records; about a quarter name unknown ones."""
        some = self.chance
        values: dict[str, Any] = {}
        for name in some.sample(("tags", "idols", "tickets", "fan_incl_segments", "fan_excl_segments"), 2):
            names = some.sample(EVENT_NAMES, some.choice((1, 2, 3, 10)))
            names += some.sample(UNKNOWN, some.choice((0, 0, 0, 1, 2)))
            if name == "tickets":
                values["ticket_event_name"] = some.choice((EVENT_NAMES[0], EVENT_NAMES[0], UNKNOWN[0]))
                values |= some.choice(({}, {"ticket_is_negative": True}, {"ticket_seat_count_max": 0}))
            elif name in ("tags", "idols"):
                field, relation = {
                    "tags": ("fan_tags", "fan_tag_relations"),
                    "idols": ("idol_names", "idol_relations"),
                }[name]
                values |= {field: some.sample(names, len(names)), relation: some.choice(("any", "all"))}
            else:
                there = some.sample(sorted(self.segments), some.choice((1, 2)))
                values[name] = there + some.sample(GONE, some.choice((0, 0, 0, 1)))
        return values

    def matches(self, values: dict[str, Any]) -> set[int]:
        """Return the fans who meet criteria; unknown names have no fans."""
        among = self.fans
        for field, relation in (("fan_tags", "fan_tag_relations"), ("idol_names", "idol_relations")):
            if field in values:
                sets = [self.ties[field].get(name, set()) for name in values[field]]
                among = among & (sets[0].union(*sets) if values[relation] == "any" else sets[0].intersection(*sets))
        if "ticket_event_name" in values:
            holders = self.ties["ticket_event_name"].get(values["ticket_event_name"], set())
            among = among - holders if is_negated(values) else among & holders
        for name, is_in in (("fan_incl_segments", True), ("fan_excl_segments", False)):
            if name in values:
                inside = set().union(
                    *(self.matches(self.segments[each]) for each in values[name] if each in self.segments)
                )
                among = among & inside if is_in else among - inside
        return among

    def keeps_out_unknown(self, values: dict[str, Any], *, is_excluded: bool = False) -> bool:
        """Return whether an unknown name is in a place where it excludes fans."""
        ties = [(field, name) for field in ("fan_tags", "idol_names") for name in values.get(field, ())]
        if is_excluded and any(name not in self.ties[field] for field, name in ties):
            return True
        if values.get("ticket_event_name") in UNKNOWN and (is_excluded or is_negated(values)):
            return True
        for name, is_in in (("fan_incl_segments", True), ("fan_excl_segments", False)):
            for each in values.get(name, ()):
                below = is_excluded or not is_in
                if each not in self.segments:
                    if below:
                        return True
                elif self.keeps_out_unknown(self.segments[each], is_excluded=below):
                    return True
        return False


def is_negated(values: dict[str, Any]) -> bool:
    return bool(values.get("ticket_is_negative")) != (values.get("ticket_seat_count_max") == 0)


@pytest.fixture(scope="module")
async def model(api: Api, db: Db) -> Model:
    created = Model(api, db)
    await created.fill()
    return created


async def in_tables(db: Db, condition: Where) -> set[int]:
    sql = f"select f.fan_id from fans f where f.account_id = $1 and {condition.sql}"
    return {row["fan_id"] for row in await db.rows(sql, *condition.args)}


async def test_sql_and_index_agree_with_sets(model: Model, tmp_path: Path) -> None:
    db, now = model.db, datetime.now(UTC)
    account = await account_by_id(db, model.api.account_id)
    follower = IndexUpdater(db, account.id, tmp_path)
    await follower.start(account.time_zone)
    audience = await follower.refresh()
    refused = agreed = 0
    for _ in range(400):
        values = model.criteria()
        target = msgspec.convert(values, Criteria)
        if model.keeps_out_unknown(values):
            refused += 1
            with pytest.raises(BadParameters):
                await conditions.condition(db, account, target, now)
            continue
        expected = model.matches(values)
        agreed += bool(expected)
        assert await in_tables(db, await conditions.condition(db, account, target, now)) == expected, values
        query = plan_of(target, await conditions.checked_context(db, account, target, now))
        assert query is not None
        assert set(evaluation.fans(audience, query, audience.fans)) == expected, values
    assert refused > 50
    assert agreed > 50


async def test_every_call_refuses_an_exclusion_of_unknown_names(model: Model) -> None:
    api, db = model.api, model.db
    names_unknown = await store(db, api, fan_tags=["Unknown 1", EVENT_NAMES[0]])
    above = await store(db, api, fan_incl_segments=[names_unknown])
    for values, field, message in (
        ({"fan_excl_segments": GONE[0]}, "fan_excl_segments", f"refers to an unknown segment: {GONE[0]}"),
        ({"fan_excl_segments": GONE[2]}, "fan_excl_segments", f"refers to an unknown segment: {GONE[2]}"),
        ({"fan_excl_snapshot_uids": GONE[1][9:]}, "fan_excl_snapshot_uids", f"refers to an unknown segment: {GONE[1]}"),
        ({"ticket_event_name": "Never", "ticket_is_negative": True}, "ticket_event_name", NO_EVENT),
        ({"ticket_venue_name": "Never", "ticket_sales_count_max": 0}, "ticket_venue_name", NO_EVENT),
        ({"fan_excl_segments": above}, "fan_excl_segments",
         f"refers to {names_unknown}, whose fan_tags refers to an unknown tag: Unknown 1"),
    ):  # fmt: skip
        calls = [api.get(path, **values) for path in (SEARCH, COUNT, STATS)]
        calls.append(api.post(FILTERS, filter_name=f"Excludes nothing {field} {message}"[:90], **values))
        for answer in [await call for call in calls]:
            assert answer.status_code == 422, (values, answer.request.url)
            assert answer.json()["errors"] == [{"field": field, "message": message}]
    # A filter that came to exclude nothing, in a version that let it, is refused too.
    uid = (await store(db, api, fan_excl_segments=[names_unknown])).removeprefix("filter:")
    for path in (f"/api/v1/segments/filter/{uid}", f"/api/v1/segments/filter/{uid}/fans"):
        assert (await api.get(path)).status_code == 422


async def test_a_change_of_a_filter_cannot_break_an_exclusion_that_refers_to_it(model: Model) -> None:
    api = model.api
    lower = (await api.ok(await api.post(FILTERS, filter_name="Lower", fan_tags=EVENT_NAMES[0])))["filter_uid"]
    await api.ok(await api.post(FILTERS, filter_name="Upper", fan_excl_segments=f"filter:{lower}"))
    answer = await api.post(f"{FILTERS}/{lower}/criteria", fan_tags="unknown 1")
    assert answer.json()["errors"] == [
        {"field": "fan_tags", "message": 'refers to an unknown tag: unknown 1; the filter "Upper" excludes this one'}
    ]
    assert (await api.ok(await api.get(f"{FILTERS}/{lower}")))["criteria"] == {"fan_tags": [EVENT_NAMES[0]]}
    # Where it lets fans in, it may be made later.
    assert (await api.post(FILTERS, filter_name="Later", fan_tags="unknown 1")).status_code == 200
