"""Events in lists with what was sold, and how the sales of one grew: equal to what was sold, line by line."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.api import Api
from tests.tickets.sold import bulk, line

EVENTS = "/api/v1/manage/ticket_events"


def day_in(days: int) -> date:
    """A day of the account of the tests, so many days from today."""
    return (datetime.now(UTC) - timedelta(hours=8)).date() + timedelta(days=days)


async def show(api: Api, key: str, days: int, *sales: tuple[int, int, float], **extra: Any) -> str:
    """Sell an event that is in some days: each sale is so many days before it, some seats, an amount."""
    day = day_in(days)
    lines = [
        line(
            f"{key}-{number}", event_key=key, event_name=f"Show {key}", event_date=day.isoformat(),
            purchase_timestamp=f"{day - timedelta(days=before)} 20:00:00", num_seats=seats, paid_amount=str(amount),
            **extra,
        )
        for number, (before, seats, amount) in enumerate(sales)
    ]  # fmt: skip
    await bulk(api, *lines)
    (event,) = (await api.ok(await api.get("/api/v1/crm/tickets/events", event_key=key)))["data"]
    return str(event["event_uid"])


async def test_events_are_listed_by_period_text_and_order(api: Api) -> None:
    await show(api, "soon", 3, (9, 2, 50), venue_name="Harbour Hall")
    await show(api, "later", 30, (40, 7, 10), venue_name="Ångström Arena")
    await show(api, "past", -5, (6, 1, 900), venue_name="Harbour Hall")

    async def keys(**query: Any) -> list[str]:
        return [each["event_key"] for each in (await api.ok(await api.get(EVENTS, **query)))["data"]]

    assert await keys() == ["soon", "later"]
    assert await keys(period="past") == ["past"]
    assert await keys(period="all") == ["later", "soon", "past"]
    assert await keys(period="all", text="harbour") == ["soon", "past"]
    assert await keys(period="all", text="angstrom") == ["later"]
    assert await keys(period="all", order_by="seats") == ["later", "soon", "past"]
    assert await keys(period="all", order_by="revenue") == ["past", "soon", "later"]
    assert await keys(period="all", order_by="name") == ["later", "past", "soon"]
    assert await keys(period="all", text="100 %_") == []
    page = await api.ok(await api.get(EVENTS, period="all", limit=2))
    assert (page["meta"]["has_more"], page["meta"]["next_after"]) == (True, 2)
    assert await keys(period="all", limit=2, after=2) == ["past"]


async def test_what_was_sold_of_an_event_is_added_up(api: Api) -> None:
    event_uid = await show(api, "sums", 12, (20, 2, 60), (15, 3, 90.5), (14, -1, -30), price_code="ADULT")
    extra = {"event_key": "sums", "event_name": "Show sums", "event_date": day_in(12).isoformat()}
    purchase = f"{day_in(-2)} 20:00:00"
    await bulk(
        api,
        line("euro", currency="EUR", paid_amount="7", num_seats=1, purchase_timestamp=purchase, **extra),
        line("gone", is_deleted=True, paid_amount="1000", num_seats=9, purchase_timestamp=purchase, **extra),
    )
    event = await api.ok(await api.get(f"{EVENTS}/{event_uid}"))
    figures = {"ticket_count": 4, "seats_count": 5, "revenue_by_currency": {"USD": 120.5, "EUR": 7}}
    assert event["figures"] == figures
    assert (event["fan_count"], event["event_key"]) == (4, "sums")
    assert [(each["price_code"], each["seats_count"]) for each in event["prices"]] == [("ADULT", 4), (None, 1)]
    rows = (await api.ok(await api.get(EVENTS, period="all", text="sums", has_figures="true")))["data"]
    assert [row["figures"] for row in rows] == [figures]
    unknown = await api.get(f"{EVENTS}/0a1b2c3d-0000-4000-8000-000000000000")
    assert unknown.status_code == 404


async def test_sales_grow_day_by_day_beside_those_of_earlier_events(api: Api) -> None:
    venue = {"venue_name": "Curve Hall"}
    target = await show(api, "c-new", 4, (10, 2, 10), (7, 1, 5), (4, 3, 9), **venue)
    earlier = await show(api, "c-old", -30, (6, 5, 10), (0, 1, 10), **venue)
    await show(api, "c-older", -60, (2, 4, 10), **venue)
    await show(api, "c-elsewhere", -20, (2, 4, 10), venue_name="Another Hall")
    curves = await api.ok(await api.get(f"{EVENTS}/{target}/sales_curves"))
    assert [(each["event_name"], each["days_before"], each["seats"]) for each in curves] == [
        # until today, four days before the event
        ("Show c-new", 10, [2, 2, 2, 3, 3, 3, 6]),
        ("Show c-old", 6, [5, 5, 5, 5, 5, 5, 6]),
        ("Show c-older", 2, [4, 4, 4]),
    ]
    alone = await api.ok(await api.get(f"{EVENTS}/{target}/sales_curves", with_event_uids=earlier, days_before=7))
    assert [(each["event_name"], each["seats"]) for each in alone] == [
        ("Show c-new", [3, 3, 3, 6]),
        ("Show c-old", [5, 5, 5, 5, 5, 5, 6]),
    ]
