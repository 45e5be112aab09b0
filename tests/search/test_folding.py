"""Criteria on names find the same fans with each spelling, and negated exclude the same fans."""

import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fanfare.accounts.queries import account_by_id
from fanfare.audience.index import evaluation
from fanfare.audience.process.updater import IndexUpdater
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.uses import plan_of
from fanfare.search.queries.conditions import checked_context
from tests.api import Api, new_api
from tests.search.crowd import fan, follow, search, tag
from tests.tickets.sold import sold

SPELLINGS = [
    ("İstanbul", "ISTANBUL"),
    ("İstanbul", "İSTANBUL"),
    ("ΟΜΗΡΟΣ", "όμηρος"),
    ("Sigur Rós", "sigur ros"),
    ("Großer Garten", "GROSSER GARTEN"),
    ("Ёлка", unicodedata.normalize("NFD", "ёлка")),
    ("Nguyễn Đào", "nguyen dao"),
]
LISTS = {
    "fan_tags", "idol_names", "fan_networks", "fan_metro_areas", "fan_provinces", "ticket_venue_provinces",
}  # fmt: skip
NAMED = (
    "name", "fan_source", *sorted(LISTS), "ticket_event_name", "ticket_venue_name", "ticket_artist_name",
    "ticket_price_code",
)  # fmt: skip


async def named(api: Api, db: Db, name: str) -> int:
    """Create a fan with one record of each kind under this name, and a fan without; return the first."""
    created = await sold(
        api, first_name=name, last_name="Berg", fan_source=name, event_name=name, event_key="1", venue_name=name,
        artist_name=name, price_code=name, venue_province=name,
    )  # fmt: skip
    fan_id: int = created["fan_id"]
    await fan(db, api.account_id, first_name="Other")
    place = "update fans set metro_area = $3, province = $3 where account_id = $1 and fan_id = $2"
    await db.execute(place, api.account_id, fan_id, name)
    await tag(db, api.account_id, name, fan_id)
    await follow(db, api.account_id, name, fan_id)
    identity = {"network": name, "order_key": "1", "customer_key": "7", "ticket_key": "1"}
    await sold(api, **{**identity, "email": (await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}")))["email"]})
    return fan_id


@pytest.mark.parametrize(("name", "query"), SPELLINGS)
async def test_a_name_is_found_by_each_spelling(base_url: str, db: Db, tmp_path: Path, name: str, query: str) -> None:
    async with new_api(base_url, db) as api:
        fan_id = await named(api, db, name)
        account = await account_by_id(db, api.account_id)
        follower = IndexUpdater(db, api.account_id, tmp_path)
        await follower.start(account.time_zone)
        audience = await follower.refresh()
        for criterion in NAMED:
            expected: dict[str, Any] = {criterion: [query] if criterion in LISTS else query}
            assert await search(api, **expected) == [fan_id], criterion
            if criterion.startswith("ticket_"):
                assert fan_id not in await search(api, **expected, ticket_is_negative=True), criterion
            read = Criteria(**expected)
            indexed = plan_of(read, await checked_context(db, account, read, datetime.now(UTC)))
            assert criterion == "name" or (indexed and evaluation.count(audience, indexed) == 1), criterion


@pytest.mark.parametrize(("name", "query"), SPELLINGS)
async def test_a_name_is_taken_in_every_spelling(base_url: str, db: Db, name: str, query: str) -> None:
    async with new_api(base_url, db) as api:
        first = [await api.ok(await api.post("/api/v1/manage/tags", tag_name=each)) for each in (name, query)]
        assert first[0] == first[1]
        events = [await sold(api, event_name=each, event_key=None, event_date="2026-07-03") for each in (name, query)]
        days = [
            (await api.ok(await api.get(f"/api/v1/crm/tickets/{each['ticket_id']}")))["event_uid"] for each in events
        ]
        assert days[0] == days[1]
        assert (await api.post("/api/v1/idols", idol_name=name)).status_code == 200
        assert (await api.post("/api/v1/idols", idol_name=query)).status_code == 409
        created = await api.ok(await api.get("/api/v1/idols", idol_name=query[:-1]))
        assert [each["idol_name"] for each in created] == [name]
