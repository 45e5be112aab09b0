"""A generic tool pulls every list whole, as it is configured for any API: once by has_more or the Link, once by the
contract's own rule."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.feeds import FEEDS, WRITE, pages, settle, store

# Rows are written without their totals.
FILLS_TABLES = True

NOW = datetime(2026, 3, 1, tzinfo=UTC)
# The largest page of each list of a fixed size.
FIXED = {
    "crm_purchases_search": 500, "crm_registration_scans_list": 1000, "manage_passes_list": 1000,
    "crm_fans_latest": 1000,
}  # fmt: skip
LIMIT = 125
RULES = pytest.mark.parametrize("by_has_more", [True, False], ids=["has_more", "contract"])


class Pulled(NamedTuple):
    """An account with rows in every list."""

    api: Api
    place: dict[str, Any]


# Of fans there is one more: so each list has full pages alone in one of the accounts.
@pytest.fixture(scope="module", params=[999, 1000])
async def pulled(base_url: str, db: Db, request: pytest.FixtureRequest) -> AsyncIterator[Pulled]:
    async with new_api(base_url, db, f"Pulled {request.param}") as own_db:
        place = await settle(own_db, db, NOW)
        await db.execute(WRITE.replace("$2 ||", "$2::integer ||"), own_db.account_id, 0, request.param, NOW)
        yield Pulled(own_db, place)


@RULES
@pytest.mark.parametrize("name", FEEDS)
async def test_a_list_is_pulled_whole(pulled: Pulled, db: Db, name: str, by_has_more: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    feed = FEEDS[name]
    values = {**feed.values, **({"limit": LIMIT} if feed.limit else {})}
    read = [page async for page in pages(pulled.api, feed, pulled.place, values, by_has_more=by_has_more)]
    expected = await store(pulled.api, db, feed)
    assert sorted(key for page in read for key in page) == expected
    size = FIXED.get(name, LIMIT)
    full, rest = divmod(len(expected), size)
    if by_has_more:
        # No page too many at an exact end, none too few.
        assert [len(page) for page in read] == [size] * full + [rest] * (rest > 0)


@RULES
@pytest.mark.parametrize("uid", ["search_uid", "next_search_uid"])
@pytest.mark.parametrize("place", ["crm/fans", "segments/tag/{tag}/fans"])
async def test_a_search_is_pulled_whole(pulled: Pulled, db: Db, place: str, uid: str, by_has_more: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    api = pulled.api
    tag = await db.value("select tag_id from tags where account_id = $1", api.account_id)
    owner = "fan_tags" if "tag" in place else "fans"
    sizes, result, values = [], [], {"limit": LIMIT}
    while True:
        answer = await api.ok(await api.get(f"/api/v1/{place.format(tag=tag)}", **values))
        result += [row["fan_id"] for row in answer["data"]]
        sizes.append(len(answer["data"]))
        if not answer["meta"]["has_more"] if by_has_more else not answer["data"] or not answer["meta"][uid]:
            break
        values["search_uid"] = answer["meta"][uid]
    rows = await db.rows(f"select fan_id from {owner} where account_id = $1 order by fan_id", api.account_id)
    assert result == [row["fan_id"] for row in rows]
    if by_has_more:
        full, rest = divmod(len(rows), LIMIT)
        assert sizes == [LIMIT] * full + [rest] * (rest > 0)
