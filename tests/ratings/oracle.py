"""The rule of docs/decisions/0016-rating.md once more, plainly: read all that is known of a fan and count."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from fanfare.kernel.data.db import Db


def stepped(value: float, steps: Iterable[tuple[float, int]]) -> int:
    """Return the points of the first step that the value reaches; the steps fall."""
    return next((points for minimum, points in steps if value >= minimum), 0)


def days_before(day: date, moment: datetime, zone: ZoneInfo) -> int:
    """Return how many days a moment lies back, in days of the zone."""
    return (day - moment.astimezone(zone).date()).days


def recent(days: int | None, steps: Iterable[tuple[int, int]]) -> int:
    """Return the points of the first step that is not over yet; the steps rise."""
    return 0 if days is None else next((points for maximum, points in steps if days <= maximum), 0)


async def ratings(db: Db, account_id: int, zone: ZoneInfo, now: datetime) -> dict[int, float]:
    """Return the rating that each fan should have."""
    today = now.astimezone(zone).date()
    activities = await _grouped(db, "select fan_id, created_at from activities where account_id = $1", account_id)
    identities = await _grouped(db, "select fan_id, network from fan_identifiers where account_id = $1", account_id)
    opted = await _grouped(
        db, "select fan_id, business_id from fan_businesses where account_id = $1 and is_opted_in", account_id
    )
    orders = await _orders(db, account_id)
    fans = "select fan_id, is_subscribed, is_phone_subscribed from fans where account_id = $1"
    rated = {}
    for fan in await db.rows(fans, account_id):
        fan_id = fan["fan_id"]
        did = [days_before(today, moment, zone) for moment in activities[fan_id]]
        points = recent(min(did, default=None), ((30, 20), (90, 14), (180, 9), (365, 5)))
        points += stepped(len(did), ((20, 20), (8, 14), (3, 8), (1, 4)))
        points += 6 * fan["is_subscribed"] + 5 * fan["is_phone_subscribed"] + 4 * bool(opted[fan_id])
        points += 5 * min(2, len(set(identities[fan_id]) - {"email", "phone"}))
        placed = [
            days_before(today, min(moment for moment, _ in each), zone)
            for each in orders[fan_id].values()
            if sum(amount for _, amount in each) > 0
        ]
        remaining = [days for days in placed if days <= timedelta(days=730).days]
        points += recent(min(remaining, default=None), ((90, 10), (365, 6), (730, 3)))
        points += stepped(len(remaining), ((8, 25), (4, 20), (2, 15), (1, 10)))
        rated[fan_id] = min(5, 1 + points // 10 / 2)
    return rated


async def _orders(db: Db, account_id: int) -> dict[int, dict[tuple[str, str], list[tuple[datetime, Decimal]]]]:
    """Return the lines of each fan's orders: when, and what was paid."""
    sql = "select fan_id, network, order_key, ordered_at, net_sale_amount from purchases where account_id = $1"
    orders: dict[int, dict[tuple[str, str], list[tuple[datetime, Decimal]]]] = defaultdict(lambda: defaultdict(list))
    for line in await db.rows(sql, account_id):
        orders[line["fan_id"]][line["network"], line["order_key"]].append((line["ordered_at"], line["net_sale_amount"]))
    sql = "select * from tickets where account_id = $1 and not is_deleted"
    for line in await db.rows(sql, account_id):
        order = line["order_key"] or f"the line {line['ticket_id']}"
        orders[line["fan_id"]]["tickets of " + line["network"], order].append(
            (line["purchased_at"], line["paid_amount"])
        )
    return orders


async def _grouped(db: Db, sql: str, account_id: int) -> dict[int, list[datetime]]:
    result: dict[int, list[datetime]] = defaultdict(list)
    for row in await db.rows(sql, account_id):
        result[row[0]].append(row[1])
    return result
