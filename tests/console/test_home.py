"""The first page of an account: figures of days against the days before, and what needs a look."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import signed_in
from tests.imports.files import imported

NOW = datetime.now(UTC)
CAMPAIGNS = "/api/v1/manage/campaigns"
TAGS = re.compile(r"<[^>]+>")


def day(ago: int) -> str:
    """Return noon of a day that is so many days ago, as calls take it."""
    return f"{NOW - timedelta(days=ago):%Y-%m-%d} 12:00:00"


async def text_of(client: httpx.AsyncClient, path: str) -> str:
    """Return the text of a page, without tags."""
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(TAGS.sub(" ", re.sub(r"(?s)<details.*?</details>|<title>.*?</title>", "", main))).split())


@pytest.fixture(scope="module")
async def fans(db: Db, api: Api) -> list[int]:
    """Fans, activities, orders and consents of this range and of the one before."""
    result = []
    for number in range(5):
        fan = await api.ok(await api.post("/api/v1/crm/fans", email=f"home{number}@example.com", first_name="Jo"))
        result.append(fan["fan_id"])
    # Fans are new when they are made: two of them were made in the range before.
    await db.execute(
        "update fans set created_at = now() - interval '9 days' where account_id = $1 and fan_id = any($2)",
        api.account_id, result[:2],
    )  # fmt: skip
    await db.execute("delete from consents where account_id = $1", api.account_id)
    for place, (fan_id, ago, is_granted) in enumerate(
        [(result[0], 1, True), (result[1], 2, False), (result[2], 9, True)]
    ):
        await db.execute(
            "insert into consents (account_id, consent_id, fan_id, channel, is_granted, consent_source, given_at)"
            " values ($1, $2, $3, 'email', $4, 'form', $5)",
            api.account_id, 10_000 + place, fan_id, is_granted, NOW - timedelta(days=ago),
        )  # fmt: skip
    for key, ago, amount, currency in (
        ("a", 1, "10.50", "USD"), ("b", 3, "20.00", "USD"), ("c", 9, "61.00", "USD"), ("d", 0, "5.00", "CAD"),
    ):  # fmt: skip
        await api.ok(await api.post(
            "/api/v1/crm/purchases", purchase_key=key, network="shop", order_key=key, merchant_key="north",
            order_timestamp=day(ago) if ago else f"{NOW:%Y-%m-%d %H:%M:%S}", gross_sale_amount=amount,
            net_sale_amount=amount, currency=currency,
        ))  # fmt: skip
    return result


@pytest.fixture(scope="module")
async def client(base_url: str, db: Db, api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(base_url, db, api.account_id) as client:
        yield client


async def test_new_fans_against_the_days_before(client: httpx.AsyncClient, api: Api, fans: list[int]) -> None:
    text = await text_of(client, f"/manage/{api.account_id}?days=7")
    assert len(fans) == 5
    figures = await text_of(client, f"/manage/{api.account_id}/home/figures?days=7")
    assert "Fans 5 +3 in 7 days" in figures
    assert "New fans 3 +50% from 2" in figures
    assert "the days before, 2" in text
    # What takes longer comes after the page.
    for part in ("figures", "activity", "revenue", "campaigns", "attention", "consents"):
        assert (
            f'hx-get="/manage/{api.account_id}/home/{part}?days=7"'
            in (await client.get(f"/manage/{api.account_id}?days=7")).text
        )


@pytest.mark.usefixtures("fans")
async def test_revenue_by_currency(client: httpx.AsyncClient, api: Api) -> None:
    text = await text_of(client, f"/manage/{api.account_id}/home/revenue?days=7")
    assert "$30.50 \N{MINUS SIGN}50% from $61.00" in text
    assert "CA$5.00 none in the days before" in text


@pytest.mark.usefixtures("fans")
async def test_consents_by_day(client: httpx.AsyncClient, api: Api) -> None:
    text = await text_of(client, f"/manage/{api.account_id}/home/consents?days=7")
    assert "yes 1 no 1" in text
    assert "In the days before, 1 said yes and 0 no." in text


async def test_activity_and_campaigns_that_run(client: httpx.AsyncClient, api: Api, fans: list[int]) -> None:
    await api.ok(await api.post(CAMPAIGNS, title="Friday quiz", app_type="custom"))
    window = {"start_timestamp": day(9), "end_timestamp": day(8)}
    await api.ok(await api.post(CAMPAIGNS, title="Summer quiz", app_type="quiz", **window))
    for fan_id in fans[:3]:
        await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title="Friday quiz"))
    await api.ok(await api.post(f"/api/v1/crm/fans/{fans[0]}/activities", campaign_title="Friday quiz"))
    assert "activities 4" in await text_of(client, f"/manage/{api.account_id}/home/activity?days=7")
    text = await text_of(client, f"/manage/{api.account_id}/home/campaigns?days=7")
    assert "Friday quiz 4 3 open" in text
    assert "Summer quiz" not in text


async def test_what_needs_a_look(client: httpx.AsyncClient, db: Db, api: Api) -> None:
    path = f"/manage/{api.account_id}/home/attention"
    assert "Nothing needs a look" in await text_of(client, path)
    await imported(api, db, b"email,birth_date\nfirst@example.com,no date\n")
    text = await text_of(client, path)
    assert "ended with 1 error Look" in text


async def test_the_same_figures_by_calls(api: Api, db: Db, fans: list[int]) -> None:
    answer = await api.ok(await api.get("/api/v1/manage/overview", days=7))
    assert len(answer["new_fans"]["days"]) == 7
    assert {"total": answer["new_fans"]["total"], "before": answer["new_fans"]["total_before"]} == {
        "total": await db.value(
            "select count(*) from fans where account_id = $1 and created_at > now() - interval '8 days'", api.account_id
        ),
        "before": 2,
    }
    assert answer["fans"]["fan_count"] >= len(fans)
    assert {key: float(each["total"]) for key, each in answer["revenue"].items()} == {"USD": 30.5, "CAD": 5}
    assert (answer["consents_refused"]["total"], answer["consents_granted"]["total_before"]) == (1, 1)
    (matter,) = await api.ok(await api.get("/api/v1/manage/urgent_matters"))
    assert (matter["concern"], matter["amount"]) == ("import", 1)


async def test_people_of_one_business_see_its_campaigns_alone(base_url: str, db: Db, api: Api) -> None:
    ours, theirs = [
        (await api.ok(await api.post("/api/v1/manage/businesses", business_name=name)))["business_id"]
        for name in ("First team", "Festival")
    ]
    for title, business_id in (("Derby draw", ours), ("Camping vote", theirs)):
        await api.ok(await api.post(CAMPAIGNS, title=title, app_type="vote", business_id=business_id))
    async with signed_in(base_url, db, api.account_id, "editor", business_ids=[ours]) as limited:
        text = await text_of(limited, f"/manage/{api.account_id}/home/campaigns")
        assert "Derby draw" in text
        assert "Camping vote" not in text
        home = await text_of(limited, f"/manage/{api.account_id}")
        assert "New fans" not in home
        for part in ("figures", "activity", "revenue", "consents", "attention"):
            assert (await limited.get(f"/manage/{api.account_id}/home/{part}")).status_code == 403, part
