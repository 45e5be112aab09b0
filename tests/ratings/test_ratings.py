"""Ratings follow from what fans did, are subscribed to and bought, and no change or day slips by."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fanfare.accounts.queries import account_by_id
from fanfare.campaigns.actions.activities import record_fan_activity
from fanfare.campaigns.schemas.activities import NewFanActivity
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.purchases.actions.purchases import upsert_purchase
from fanfare.purchases.schemas import NewPurchase
from fanfare.ratings import actions
from fanfare.ratings.jobs import rate_fans
from fanfare.tickets.actions.tickets import create_ticket
from fanfare.tickets.schemas.tickets import NewTicket
from tests.api import Api
from tests.conftest import NewDatabase
from tests.ratings import oracle
from tests.seeds import run_seed

ZONE = ZoneInfo("America/Los_Angeles")
NOW = datetime(2027, 3, 1, 20, tzinfo=UTC)


async def some_fan(api: Api, **values: Any) -> int:
    return int((await api.ok(await api.post("/api/v1/crm/fans", **values)))["fan_id"])


async def rating_of(api: Api, fan_id: int) -> float | None:
    fan: dict[str, Any] = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}"))
    rating: float | None = fan["rating"]
    return rating


async def announced(db: Db, account_id: int) -> list[int]:
    rows = await db.rows(
        "select fan_id from changes where account_id = $1 and topic = 'fan.updated'"
        """ and data = '{"fields": ["rating"]}' order by position""",
        account_id,
    )
    return [row["fan_id"] for row in rows]


async def active(db: Db, account: Account, fan_id: int, now: datetime) -> None:
    await record_fan_activity(db, account.id, NewFanActivity(fan_id=fan_id, campaign_title="Quiz"), now)


async def buy(db: Db, account: Account, email: str, key: str, now: datetime, net: int = 20) -> None:
    order, _, _ = key.partition("/")
    new = NewPurchase(
        purchase_key=key, network="shop", order_key=order, merchant_key="m", order_timestamp=now,
        gross_sale_amount=Decimal(20), net_sale_amount=Decimal(net), email=email,
    )  # fmt: skip
    await upsert_purchase(db, account, new, now)


async def buy_ticket(db: Db, account: Account, email: str, order: str, now: datetime, paid: int = 20) -> None:
    new = NewTicket(
        first_name="A", last_name="B", email=email, order_key=order, purchase_timestamp=now, paid_amount=Decimal(paid),
        num_seats=-1 if paid < 0 else 1, event_key="final", event_name="Final", event_date=now.date(), network="office",
    )  # fmt: skip
    await create_ticket(db, account, new, now)


async def test_tickets_are_purchases(other_api: Api, db: Db) -> None:
    account, now = await account_by_id(db, other_api.account_id), datetime.now(UTC)
    line: dict[str, Any] = {
        "first_name": "Tess", "last_name": "Okoro", "email": "tess@example.com", "event_key": "final", "num_seats": 1,
        "event_date": "2027-07-03", "event_name": "Final", "purchase_timestamp": (now - timedelta(days=2)).isoformat(),
    }  # fmt: skip
    observed = []
    lines: list[dict[str, Any]] = [
        {"order_key": "o-1", "paid_amount": 20},
        {"order_key": "o-1", "paid_amount": 20},
        {"paid_amount": 20},
        {"order_key": "o-1", "paid_amount": -40, "num_seats": -2},
        {"paid_amount": 0},
    ]
    for number, extra in enumerate(lines):
        await other_api.ok(await other_api.post("/api/v1/crm/tickets", **{**line, **extra}, ticket_key=f"t-{number}"))
        fan_id = await some_fan(other_api, email=line["email"])
        await settle(db, account, now)
        parts = await other_api.ok(await other_api.get(f"/api/v1/manage/fans/{fan_id}/rating"))
        observed.append(parts["purchase_points"])
        assert await rating_of(other_api, fan_id) == (await oracle.ratings(db, account.id, ZONE, now))[fan_id]
    # an order, another line of it, a second order, the first paid back, one that cost nothing
    assert observed == [20, 20, 25, 20, 20]


async def settle(db: Db, account: Account, now: datetime = NOW) -> None:
    while not await actions.update_ratings(db, account, now):
        pass


async def test_a_rating_rises_with_what_a_fan_does(api: Api, db: Db) -> None:
    account = await account_by_id(db, api.account_id)
    business = (await api.ok(await api.post("/api/v1/manage/businesses", business_name="Shop")))["business_id"]
    fan_id = await some_fan(api, email="ada@example.com")
    assert await rating_of(api, fan_id) is None
    now = datetime.now(UTC)
    observed = []
    for step in (
        lambda: rate_fans(db, api.account_id, now),
        lambda: active(db, account, fan_id, now),
        lambda: api.post(f"/api/v1/crm/fans/{fan_id}", is_subscribed=True, **{f"business_{business}": True}),
        lambda: buy(db, account, "ada@example.com", "o-1", now),
        lambda: buy(db, account, "ada@example.com", "o-2", now),
        lambda: buy(db, account, "ada@example.com", "o-1", now, net=0),
        lambda: buy(db, account, "ada@example.com", "o-2", now, net=0),
        lambda: buy(db, account, "ada@example.com", "o-2", now, net=1),
    ):
        await step()
        await rate_fans(db, api.account_id, now)
        observed.append(await rating_of(api, fan_id))
    # 0, 24, 34, 54, 59, 54, 34 and again 54 points
    assert observed == [1, 2, 2.5, 3.5, 3.5, 3.5, 2.5, 3.5]
    assert await announced(db, api.account_id) == [fan_id] * 6
    parts = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/rating"))
    assert parts == {
        "fan_id": fan_id, "rating": 3.5, "kept_rating": 3.5, "points": 54, "activity_points": 24,
        "connection_points": 10, "purchase_points": 20,
    }  # fmt: skip


async def test_the_search_and_the_feed_know_ratings(api: Api, db: Db) -> None:
    account = await account_by_id(db, api.account_id)
    fan_id = await some_fan(api, email="bea@example.com", is_subscribed=True)
    now = datetime.now(UTC)
    for order in range(8):
        await buy(db, account, "bea@example.com", f"b-{order}", now)
    old = await api.ok(await api.get("/api/v1/crm/fans/latest"))
    await rate_fans(db, api.account_id, now)
    # 41 points
    result = await api.ok(await api.get("/api/v1/crm/fans", fan_rating=3, name="bea"))
    assert [(row["fan_id"], row["rating"]) for row in result["data"]] == [(fan_id, 3)]
    assert (await api.ok(await api.get("/api/v1/crm/fans", fan_rating=3.5, name="bea")))["data"] == []
    key = old["meta"]["max_fan_time_key"]
    latest = await api.ok(await api.get("/api/v1/crm/fans/latest", min_time_key=key))
    assert [row["fan_id"] for row in latest["data"]] == [fan_id]


async def test_another_accounts_fan_has_no_rating_here(api: Api, other_api: Api) -> None:
    fan_id = await some_fan(other_api, email="eve@example.com")
    assert (await api.get(f"/api/v1/manage/fans/{fan_id}/rating")).status_code == 404


@pytest.fixture
async def own_db(new_database: NewDatabase) -> Any:
    """A database whose change log nobody else writes to."""
    handle = await Db.connect(await new_database(), size=4)
    yield handle
    await handle.close()


async def crowd(db: Db, count: int, name: str = "Crowd") -> tuple[Account, list[int]]:
    account_id = await db.value(
        "insert into accounts (account_name, time_zone, created_at) values ($1, 'America/Los_Angeles', now())"
        " returning account_id",
        name,
    )
    rows = await db.rows(
        """
        with made as (
            insert into fans (account_id, email, created_at, updated_at, position)
            select $1, 'fan' || number || '@example.com', $3, $3, nextval('positions')
            from generate_series(1, $2::int) number
            returning fan_id, email
        )
        insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select $1, 'email', email, fan_id, $3 from made returning fan_id
        """,
        account_id,
        count,
        NOW - timedelta(days=900),
    )
    return await account_by_id(db, account_id), sorted(row["fan_id"] for row in rows)


async def stored_rows(db: Db, account_id: int) -> dict[int, float]:
    rows = await db.rows("select fan_id, rating::float8 as rating from fans where account_id = $1", account_id)
    return {row["fan_id"]: row["rating"] for row in rows}


async def test_what_is_kept_is_a_plain_recomputation(own_db: Db) -> None:
    seed = run_seed(8)
    chance = random.Random(seed)
    account, fan_ids = await crowd(own_db, 40)
    moments = [NOW + timedelta(days=100 * number, hours=chance.randrange(24)) for number in range(5)]
    for now in moments:
        # What grew old since is the pass's, what happens from here on the change log's.
        await settle(own_db, account, now)
        assert await stored_rows(own_db, account.id) == await oracle.ratings(own_db, account.id, ZONE, now)
        for _ in range(120):
            await something(own_db, account, chance, chance.choice(fan_ids[len(LADDER) :]), now)
        await settle(own_db, account, now)
        assert await stored_rows(own_db, account.id) == await oracle.ratings(own_db, account.id, ZONE, now)
    await climb(own_db, account, fan_ids[: len(LADDER)], moments[-1])
    await settle(own_db, account, moments[-1])
    rated = await stored_rows(own_db, account.id)
    assert rated == await oracle.ratings(own_db, account.id, ZONE, moments[-1])
    assert [rated[fan_id] for fan_id in fan_ids[: len(LADDER)]] == LADDER


# The ratings of fans of whom each did one thing more than the one before.
LADDER = [1, 2, 3, 3.5, 4.5]


async def climb(db: Db, account: Account, fan_ids: list[int], now: datetime) -> None:
    """Let fans do nothing, play once, buy too (20 points), buy three tickets too (10), and do as much as counts."""
    for steps, fan_id in enumerate(fan_ids):
        email = await db.value("select email from fans where account_id = $1 and fan_id = $2", account.id, fan_id)
        if steps > 0:
            await active(db, account, fan_id, now)
        if steps > 1:
            await buy(db, account, email, f"{fan_id}-1/1", now)
        if steps > 2:
            for number in range(3):
                await buy_ticket(db, account, email, f"{fan_id}-{number}", now)
        if steps > 3:
            for number in range(20):
                await active(db, account, fan_id, now)
                await buy_ticket(db, account, email, f"{fan_id}-{number}", now)


async def something(db: Db, account: Account, chance: random.Random, fan_id: int, now: datetime) -> None:
    """Let a fan do or say something, and the change log tell of it, as the domains' own statements do."""
    # The edges of days are what is mistaken most easily.
    back = chance.choice((0, 29, 30, 31, 90, 91, 180, 181, 365, 366, 730, 731, chance.randrange(900)))
    moment = now - timedelta(days=back, minutes=chance.choice((0, 0, chance.randrange(1440))))
    kind = chance.randrange(9)
    email = await db.value("select email from fans where account_id = $1 and fan_id = $2", account.id, fan_id)
    if kind < 3:
        for _ in range(chance.choice((1, 1, 4))):
            await active(db, account, fan_id, moment)
    elif kind < 5:
        order = f"{fan_id}-{chance.randrange(6)}"
        await buy(db, account, email, f"{order}/{chance.randrange(2)}", moment, chance.choice((20, 5, 0, -5)))
    elif kind < 7:
        paid = chance.choice((20, 5, 0, -5))
        await buy_ticket(db, account, email, f"{fan_id}-{chance.randrange(6)}", moment, paid)
    else:
        await connect(db, account, chance, fan_id, now)


IDENTIFY = """
    insert into fan_identifiers select $1, n, 'key ' || $2, $2, now()
    from unnest(array['app', 'facebook', 'shop']) n on conflict do nothing
"""
DATA: dict[str, dict[str, Any]] = {
    "consent": {"channel": "email", "business_id": None},
    "fan": {"network": "app"},
}
UNIDENTIFY = "delete from fan_identifiers where account_id = $1 and fan_id = $2 and network <> 'email'"


async def connect(db: Db, account: Account, chance: random.Random, fan_id: int, now: datetime) -> None:
    """Change a flag, or tie an identity, with the announcement beside."""
    topic, sql = chance.choice([
        ("consent.given", "update fans set is_subscribed = true where account_id = $1 and fan_id = $2"),
        ("consent.withdrawn", "update fans set is_subscribed = false where account_id = $1 and fan_id = $2"),
        ("consent.given", "update fans set is_phone_subscribed = true where account_id = $1 and fan_id = $2"),
        ("fan.identified", IDENTIFY),
        ("fan.unidentified", UNIDENTIFY),
    ])  # fmt: skip
    async with db.transaction() as tx:
        await tx.execute(sql.replace("$2", "$2::bigint"), account.id, fan_id)
        await tx.value("select hold_position($1)", account.id)
        await tx.execute(
            "insert into changes (account_id, position, topic, subject_id, fan_id, occurred_at, data)"
            " values ($1, nextval('positions'), $2, $3::bigint::text, $3, $4, $5)",
            account.id, topic, fan_id, now, DATA[topic.partition(".")[0]],
        )  # fmt: skip


async def test_a_lost_worker_loses_nothing(own_db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "CHUNK", 3)
    monkeypatch.setattr(actions, "PAGE", 4)
    account, fan_ids = await crowd(own_db, 10)
    rate = actions.rate
    remaining = [0]

    async def dies(*values: Any) -> int:
        """Rate, and die before the commit once the tries are used up."""
        done = await rate(*values)
        remaining[0] -= 1
        if remaining[0] < 0:
            raise ConnectionError
        return done

    monkeypatch.setattr(actions, "rate", dies)

    async def dying(now: datetime) -> int:
        """Settle with a worker that dies ever later; return how many died."""
        for died in range(50):
            remaining[0] = died % 3
            try:
                await settle(own_db, account, now)
            except ConnectionError:
                continue
            return died
        message = "it never got through"
        raise AssertionError(message)

    assert await dying(NOW) > 0
    assert await stored_rows(own_db, account.id) == dict.fromkeys(fan_ids, 1.0)
    for fan_id in fan_ids:
        await active(own_db, account, fan_id, NOW)
    assert await dying(NOW) > 0
    assert await stored_rows(own_db, account.id) == dict.fromkeys(fan_ids, 2.0)
    assert await dying(NOW + timedelta(days=366)) > 0
    assert await stored_rows(own_db, account.id) == dict.fromkeys(fan_ids, 1.0)
    # Each change is announced once, however often it was begun.
    assert sorted(await announced(own_db, account.id)) == sorted(fan_ids * 3)


async def test_only_who_was_touched_is_rated_anew(own_db: Db) -> None:
    account, (first, second) = await crowd(own_db, 2)
    await settle(own_db, account)
    # Behind the change log's back, so that only rating everyone would see it.
    await own_db.execute(
        "update fans set is_subscribed = true, is_phone_subscribed = true where account_id = $1", account.id
    )
    await active(own_db, account, first, NOW)
    await settle(own_db, account)
    assert await stored_rows(own_db, account.id) == {first: 2.5, second: 1.0}
    await settle(own_db, account, NOW + timedelta(days=1))
    assert await stored_rows(own_db, account.id) == {first: 2.5, second: 1.5}


async def test_a_run_is_bounded_and_the_next_goes_on(own_db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "CHUNK", 2)
    account, fan_ids = await crowd(own_db, 5)
    assert await actions.update_ratings(own_db, account, NOW, limit=1) is False
    assert sum(rating is not None for rating in (await stored_rows(own_db, account.id)).values()) == 2
    assert await actions.update_ratings(own_db, account, NOW, limit=1) is False
    assert await actions.update_ratings(own_db, account, NOW, limit=1) is True
    assert await stored_rows(own_db, account.id) == dict.fromkeys(fan_ids, 1.0)
