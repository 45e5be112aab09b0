"""What becomes of rows of a source: consents, tags, pages by network, and what the report says of them."""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from fanfare import app
from fanfare.fans.actions import tags
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.moving.moves import FANS, Target, new_target, reasons, relay, table
from tests.servers import Reply, Request, http_server

assert app.FOLLOWERS
MANAGE = "/api/v1/manage"


class Filter:
    """A source that leaves out what a test says."""

    def __init__(self) -> None:
        self.url = ""
        self.hidden_fans: set[int] = set()
        self.hides_businesses = False

    def change(self, path: str, body: Any) -> Any:
        rows: list[Any] = body["data"] if isinstance(body, dict) and "data" in body else []
        if path in (FANS, f"{FANS}/latest"):
            body["data"] = [row for row in rows if row["fan_id"] not in self.hidden_fans]
        if path == FANS and self.hides_businesses:
            for row in rows:
                row.pop("opted_in_business_ids", None)
        return body


@pytest.fixture
def source(base_url: str) -> Iterator[Filter]:
    result = Filter()

    def respond(request: Request) -> Reply:
        return Reply(msgspec.json.encode(result.change(request.path, relay(base_url, request))))

    with http_server(respond) as result.url:
        yield result


@pytest.fixture
async def target(api: Api, db: Db, source: Filter) -> Target:
    return await new_target(api, db, source.url)


async def new_fan(api: Api, **fields: Any) -> int:
    fan_id: int = (await api.ok(await api.post(FANS, **fields)))["fan_id"]
    return fan_id


async def new_business(api: Api, name: str) -> int:
    business_id: int = (await api.ok(await api.post(f"{MANAGE}/businesses", business_name=name)))["business_id"]
    return business_id


async def businesses_here(target: Target, email: str) -> set[str]:
    """Return the names of the businesses that a fan here has opted in to."""
    rows = await target.here.ok(await target.here.get("/api/v1/businesses"))
    names = {row["business_id"]: row["business_name"] for row in rows}
    return {names[each] for each in (await target.fans())[email]["opted_in_business_ids"]}


async def test_an_opt_in_ends_only_if_the_move_brought_it(target: Target, source: Filter) -> None:
    there, here = target.there, target.here
    shop, bar = await new_business(there, "Shop"), await new_business(there, "Bar")
    fan_id = await new_fan(there, email="ada@example.com", **{f"business_{shop}": True, f"business_{bar}": True})
    await target.move()
    fan_here = (await target.fans())["ada@example.com"]["fan_id"]
    # Undated yeses of a file: to a business of the source, and to one that it does not have.
    await new_business(here, "Museum")
    ids = {row["business_name"]: row["business_id"] for row in await here.ok(await here.get("/api/v1/businesses"))}
    for name in ("Museum", "Bar"):
        await undated_yes(target, fan_here, ids[name])
    await there.ok(await there.post(f"{FANS}/{fan_id}", **{f"business_{shop}": False, f"business_{bar}": False}))
    source.hides_businesses = True
    await target.move()
    assert await businesses_here(target, "ada@example.com") == {"Shop", "Bar", "Museum"}
    source.hides_businesses = False
    await target.move()
    assert await businesses_here(target, "ada@example.com") == {"Bar", "Museum"}


async def undated_yes(target: Target, fan_id: int, business_id: int) -> None:
    """Store a yes as the import of a file without times does."""
    sql = """
        insert into consents (account_id, consent_id, fan_id, channel, is_granted, consent_source, given_at,
                              business_id, is_undated)
        values ($1, nextval('positions'), $2, 'business', true, 'import of a file', now(), $3, true)
    """
    await target.db.execute(sql, target.here.account_id, fan_id, business_id)
    sql = """
        insert into fan_businesses (account_id, fan_id, business_id, is_opted_in, updated_at)
        values ($1, $2, $3, true, now()) on conflict (account_id, fan_id, business_id) do nothing
    """
    await target.db.execute(sql, target.here.account_id, fan_id, business_id)


async def test_a_no_is_written_where_nobody_was_asked(target: Target) -> None:
    there, here = target.there, target.here
    await new_fan(there, email="ada@example.com", is_subscribed=True)
    await target.move()
    fan_here = (await target.fans())["ada@example.com"]["fan_id"]
    # Here nothing was ever said of the phone.
    consents = "select count(*) from consents where account_id = $1 and fan_id = $2 and channel = 'phone'"
    await target.db.execute(
        "delete from consents where account_id = $1 and fan_id = $2 and channel = 'phone'", here.account_id, fan_here
    )
    await target.db.execute(
        "update fans set phone_word_at = null where account_id = $1 and fan_id = $2", here.account_id, fan_here
    )
    fans = (await there.ok(await there.get(f"{FANS}/latest")))["data"]
    await there.ok(await there.post(f"{FANS}/{fans[0]['fan_id']}", first_name="Ada"))
    for _ in range(2):
        await target.move()
        assert await target.db.value(consents, here.account_id, fan_here) == 1


async def test_who_follows_changes_sees_what_a_move_completes(target: Target, db: Db) -> None:
    """The audience index and live filters read a fan again when the change log names fields that they use."""
    there, here = target.there, target.here
    await new_fan(here, email="ada@example.com")
    fan_id = await new_fan(there, email="ada@example.com")
    sql = "update fans set created_at = '2019-01-01Z', metro_area = 'Halifax' where account_id = $1 and fan_id = $2"
    await db.execute(sql, there.account_id, fan_id)
    completed = """
        select f.created_at = '2019-01-01Z' as is_old, f.metro_area, c.data, f.position = c.position as is_last
        from fans f join changes c on c.account_id = $1 and c.fan_id = f.fan_id
        where f.account_id = $1 and c.topic = 'fan.updated' and c.data -> 'fields' ? 'created_at'
    """
    expected = [(True, "Halifax", {"fields": ["created_at", "metro_area"]}, True)]
    for _ in range(2):
        # Nothing is announced again.
        await target.move()
        assert [tuple(row) for row in await db.rows(completed, here.account_id)] == expected


async def test_a_tag_counts_only_where_a_fan_has_it(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    there = target.there
    ids = [await new_fan(there, email=f"{name}@example.com") for name in ("ada", "bea")]
    await there.ok(await there.post(f"{MANAGE}/tags/fans", tag_name="VIP", fan_ids=ids))
    # A fan who is merged or erased while the page is written.
    monkeypatch.setattr(tags, "ADD", tags.ADD.replace("'unchanged'", "'unknown'").replace("'added'", "'unknown'"))
    report = await target.move()
    assert (table(report, "tags").here, reasons(report, "tags")) == (0, {"the fan was not here any more": 2})
    monkeypatch.undo()
    report = await target.move()
    assert (table(report, "tags").here, table(report, "tags").different) == (2, 0)


async def test_no_network_is_skipped_when_the_list_changes(target: Target) -> None:
    for number, network in enumerate(("bar", "shop")):
        fields = {
            "purchase_key": f"P-{number}", "network": network, "order_key": "1", "merchant_key": "m",
            "gross_sale_amount": "10", "order_timestamp": "2026-05-01 10:00:00", "net_sale_amount": "9",
            "email": "ada@example.com",
        }  # fmt: skip
        await target.there.ok(await target.there.post("/api/v1/crm/purchases", **fields))
    stop = itertools.count(1)

    def progress(name: str, rows: int | None) -> None:
        if name == "purchases" and rows is not None and next(stop) == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await target.move(networks=("app", "bar", "shop"), progress=progress)
    # The list is shorter when it continues.
    report = await target.move(networks=("bar", "shop"))
    assert (table(report, "purchases").rows_read, table(report, "purchases").here) == (2, 2)
    calls = await target.move(networks=("app", "bar", "shop"))
    assert table(calls, "purchases").rows_read == 2


async def test_the_report_knows_what_was_not_read_and_what_is_gone(target: Target, source: Filter) -> None:
    there, here = target.there, target.here
    ids = [await new_fan(there, email=f"{name}@example.com") for name in ("ada", "bea", "cem")]
    await new_business(there, "Shop")
    source.hidden_fans = {ids[2]}
    report = await target.move()
    fans = table(report, "fans")
    assert (fans.there, fans.rows_read, fans.here, fans.different) == (3, 2, 2, 1)
    assert reasons(report, "fans") == {"is counted by the source, but no call gave it": 1}
    businesses = await here.ok(await here.get("/api/v1/businesses"))
    shop = next(row["business_id"] for row in businesses if row["business_name"] == "Shop")
    await here.ok(await here.delete(f"{MANAGE}/businesses/{shop}"))
    source.hidden_fans = set()
    await there.ok(await there.post(f"{FANS}/{ids[2]}", first_name="Cem"))
    report = await target.move()
    fans, shops = table(report, "fans"), table(report, "businesses")
    assert (fans.there, fans.rows_read, fans.here, fans.different) == (3, 3, 3, 0)
    assert (shops.there, shops.rows_read, shops.here, shops.different) == (1, 1, 0, 1)
    assert reasons(report, "businesses") == {"is not here any more": 1}
    assert table(report, "tags").there is None


async def test_a_limit_may_last_an_hour_and_come_often(api: Api, db: Db, base_url: str) -> None:
    refusals = itertools.count(1)

    def respond(request: Request) -> Reply:
        if next(refusals) <= 12:
            return Reply(b"{}", 429, {"Retry-After": "3600"})
        body = relay(base_url, request)
        return Reply(msgspec.json.encode(body), headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "900"})

    with http_server(respond) as url:
        target = await new_target(api, db, url)
        await new_fan(target.there, email="ada@example.com")
        pauses: list[float] = []
        report = await target.move(pauses)
    assert table(report, "fans").here == 1
    assert [round(each) for each in pauses[:12]] == [3600] * 12
    assert {round(each) for each in pauses[12:]} == {900}
