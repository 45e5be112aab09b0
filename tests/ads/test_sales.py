"""Spend against the sales that are attributed to trackers."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fanfare.kernel.data.db import Db
from fanfare.trackers.actions.attribution import attribute_all
from tests.api import Api
from tests.trackers.links import browser, new_tracker, query_of

# Rows are written without their totals.
FILLS_TABLES = True

SALES = "/api/v1/manage/ad_sales"
MAY = {"start_date": "2027-05-01", "end_date": "2027-05-31"}
SALE_DAY = """
    insert into tracker_sale_days (account_id, tracker_id, figure_date, currency, purchase_count, purchase_amount)
    values ($1, $2, $3::text::date, $4, $5, $6)
"""


async def tracker(api: Api, network: str) -> int:
    new = {
        "virtual_domain": "localhost", "target_url": "https://shop.example.com/", "tracker_name": network,
        "tracker_group_name": "Ads", "network": network,
    }  # fmt: skip
    result: int = (await api.ok(await api.post("/api/v1/trackers", **new)))["tracker_id"]
    return result


async def fill(api: Api, db: Db) -> None:
    """Store sales and clicks of trackers, and figures of ads."""
    facebook, instagram, google, custom = [
        await tracker(api, network) for network in ("facebook", "instagram", "google", "custom")
    ]
    for day, tracker_id, currency, count, amount in (
        ("2027-04-30", facebook, "EUR", 9, 900), ("2027-05-01", facebook, "EUR", 1, 60),
        ("2027-05-31", instagram, "EUR", 2, 40), ("2027-05-31", instagram, "CAD", 1, 5),
        ("2027-06-01", google, "EUR", 1, 9), ("2027-05-02", custom, "EUR", 1, 30),
    ):  # fmt: skip
        await db.execute(SALE_DAY, api.account_id, tracker_id, day, currency, count, amount)
    clicks = """
        insert into tracker_click_days (account_id, tracker_id, figure_date, human_count, bot_count)
        values ($1, $2, '2027-05-02', $3, $4)
    """
    for tracker_id, human_count, bot_count in ((facebook, 7, 100), (instagram, 5, 0)):
        await db.execute(clicks, api.account_id, tracker_id, human_count, bot_count)
    figures: list[dict[str, Any]] = [
        {"network": network, "day": day, "campaign_key": "c", "currency": "EUR", "spend": spend, "clicks": 20}
        for network, day, spend in (
            ("meta", "2027-05-01", 30), ("meta", "2027-05-31", 10), ("meta", "2027-06-01", 99),
            ("google", "2027-05-05", 8), ("x", "2027-05-05", 0),
        )
    ]  # fmt: skip
    await api.ok(await api.post("/api/v1/manage/ad_figures", figures=figures))


async def test_spend_and_sales_of_a_network_stand_side_by_side(api: Api, db: Db) -> None:
    await fill(api, db)
    rows = {(row.pop("network"), row.pop("currency")): row for row in await api.ok(await api.get(SALES, **MAY))}
    assert rows == {
        ("custom", "EUR"): line(0, 0, 0, 1, 30, roas=None, cpa=None),
        ("google", "EUR"): line(8, 20, 0, 0, 0, roas=0, cpa=None),
        ("meta", "CAD"): line(0, 0, 12, 1, 5, roas=None, cpa=None),
        ("meta", "EUR"): line(40, 40, 12, 3, 100, roas=2.5, cpa=13.3333),
        # Nothing was spent and nothing sold.
        ("x", "EUR"): line(0, 20, 0, 0, 0, roas=None, cpa=None),
    }
    (row,) = await api.ok(await api.get(SALES, **MAY, network="Meta", currency="eur"))
    assert (row["network"], row["currency"], row["roas"]) == ("meta", "EUR", 2.5)
    # They have no clicks and sales that they were counted from.
    for table in ("tracker_click_days", "tracker_sale_days"):
        await db.execute(f"delete from {table} where account_id = $1", api.account_id)


async def test_a_sale_of_the_pixel_stands_beside_what_led_to_it(other_api: Api, db: Db, base_url: str) -> None:
    """From the click of an ad's link to the order that the page reports, and back when another rule credits it."""
    trackers = [await new_tracker(other_api, network=network) for network in ("Facebook", "google")]
    day = datetime.now(ZoneInfo("America/Los_Angeles")).date().isoformat()
    figures = [
        {"network": network, "day": day, "campaign_key": "c", "currency": "CAD", "spend": 20, "clicks": 9}
        for network in ("meta", "google")
    ]
    await other_api.ok(await other_api.post("/api/v1/manage/ad_figures", figures=figures))
    async with browser(base_url) as client:
        answers = [await client.get(f"/trk/{each['tracker_key']}") for each in trackers]
        sale = {
            "api_key": other_api.keys["Api-Key"], "order_key": "from an ad", "purchase_amount": "50", "currency": "CAD",
            "trk_click": query_of(answers[-1])["trk_click"],
        }  # fmt: skip
        assert (await client.post("/trk/events", data=sale)).status_code == 204

    async def sales() -> dict[str, tuple[float, ...]]:
        rows = await other_api.ok(await other_api.get(SALES, start_date=day, end_date=day))
        names = ("spend", "tracker_clicks", "attributed_purchase_count", "attributed_purchase_amount", "roas", "cpa")
        return {row["network"]: tuple(row[name] for name in names) for row in rows if row["currency"] == "CAD"}

    unsold, sold = (20, 1, 0, 0, 0, None), (20, 1, 1, 50, 2.5, 20)
    assert await sales() == {"meta": unsold, "google": sold}
    await other_api.ok(await other_api.post("/api/v1/manage/tracker_settings", attribution="first_click"))
    await attribute_all(db.for_account(other_api.account_id), other_api.account_id)
    assert await sales() == {"meta": sold, "google": unsold}


def line(*values: float, **rates: float | None) -> dict[str, Any]:
    names = ("spend", "clicks", "tracker_clicks", "attributed_purchase_count", "attributed_purchase_amount")
    return {**dict(zip(names, values, strict=True)), **rates}
