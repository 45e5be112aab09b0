"""What the pages of sales, points, links and reports show, made by the API: a shop, a board, links with clicks, ads."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tests.api import Api
from tests.trackers.links import click, new_tracker

FANS = (("Maren", "Castellane"), ("Jon", "Harbour"), ("Ines", "Caldera"))
PROGRAM = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


class Trade(NamedTuple):
    """The ids of what was made."""

    fan_ids: list[int]
    point_uid: str
    idol_uid: str
    tracker_id: int
    tracker_key: str
    project_uid: str
    report_uid: str
    business_id: int


def moment_of(days: int) -> str:
    return f"{(datetime.now(UTC) - timedelta(days=days)).date()} 12:00:00"


async def open_trade(api: Api, base_url: str) -> Trade:
    """Make something for each page."""
    post, ok = api.post, api.ok
    fan_ids = await _people(api)
    business_id = (await ok(await post("/api/v1/manage/businesses", business_name="Harbour City FC")))["business_id"]
    await _sell(api)
    point_uid = (await ok(await post("/api/v1/manage/points", point_name="Harbour points")))["point_uid"]
    for number, fan_id in enumerate(fan_ids):
        values = {"point_uid": point_uid, "fan_id": fan_id, "point_count": 50 * (number + 1), "point_source": "quiz"}
        await ok(await post("/api/v1/crm/fan_points", **values))
    idol_uid = (await ok(await post("/api/v1/idols", idol_name="Lantern Hour", idol_type="team")))["idol_uid"]
    show = {"idol_uid": idol_uid, "start_timestamp": "2027-07-03 20:30:00", "event_name": "Harbour lights"}
    await ok(await post("/api/v1/manage/idol_events", **show, venue_name="The Foundry Hall", city="Vancouver"))
    for fan_id in fan_ids[:2]:
        await ok(await post(f"/api/v1/crm/fans/{fan_id}/idols", action="add", idol_uid=idol_uid))
    tracker = await new_tracker(api, tracker_name="Season tickets, spring mail", network="facebook")
    await new_tracker(api, tracker_name="Posters at the ferry", tracker_group_name="Posters")
    for _ in range(3):
        await click(base_url, tracker["tracker_key"])
    await click(base_url, tracker["tracker_key"], agent=PROGRAM)
    project_uid = await _advertise(api)
    new = {"report_name": "Links of the season", "report_type": "trackers", "business_id": business_id}
    report_uid = (await ok(await post("/api/v1/manage/reports", **new)))["report_uid"]
    return Trade(
        fan_ids, point_uid, idol_uid, tracker["tracker_id"], tracker["tracker_key"], project_uid, report_uid,
        business_id,
    )  # fmt: skip


async def _people(api: Api) -> list[int]:
    """Make the fans."""
    values = [{"email": f"{first}@example.com", "first_name": first, "last_name": last} for first, last in FANS]
    return [(await api.ok(await api.post("/api/v1/crm/fans", **each)))["fan_id"] for each in values]


async def _sell(api: Api) -> None:
    for number in range(7):
        first = FANS[number % len(FANS)][0]
        for line in range(1 + number % 2):
            purchase: dict[str, Any] = {
                "purchase_key": f"shop-{1000 + number}-{line}", "network": "shop", "order_key": str(1000 + number),
                "merchant_key": "harbour", "order_timestamp": moment_of(number), "gross_sale_amount": 49.9,
                "net_sale_amount": 44.91 - line, "email": f"{first}@example.com", "currency": "CAD",
                "product_key": f"P-{line}", "product_name": ("Home shirt", "Scarf")[line], "quantity": line + 1,
            }  # fmt: skip
            await api.ok(await api.post("/api/v1/crm/purchases", **purchase))
    for key, name, price in (("P-0", "Home shirt", 49.9), ("P-1", "Scarf", 19), ("P-2", "Mug", 12)):
        product = {"network": "shop", "product_key": key, "product_name": name, "price": price, "currency": "CAD"}
        await api.ok(await api.post("/api/v1/manage/products", **product, product_category="Fan shop"))


async def _advertise(api: Api) -> str:
    """Import the figures of ten days, and plan a project with a budget line."""
    today = datetime.now(UTC).date()
    figures = [
        {"network": "meta", "day": (today - timedelta(days=number + 1)).isoformat(), "campaign_name": "Season tickets",
         "spend": 40 + 7 * number, "impressions": 21_000, "clicks": 300 + number, "currency": "CAD"}
        for number in range(10)
    ]  # fmt: skip
    await api.ok(await api.post("/api/v1/manage/ad_figures", figures=figures))
    project = await api.ok(await api.post("/api/v1/manage/ad_projects", project_name="Season tickets 2027"))
    line = {"name": "Social ads", "budget_amount": 2500, "notes": "June to August"}
    await api.ok(await api.post(f"/api/v1/ads/projects/{project['project_uid']}/lines", **line))
    return str(project["project_uid"])
