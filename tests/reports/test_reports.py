"""Reports: the answer of a call under a name, the same as the call gives."""

import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from fanfare.campaigns.actions.activities import count_activities
from fanfare.kernel.data.db import Db
from fanfare.reports.queries.data import READERS
from fanfare.reports.schemas.reports import ReportData
from fanfare.reports.schemas.types import TYPES
from tests.api import Api
from tests.streams.made import made_streams
from tests.trackers.made import made_trackers

# Rows are written without their totals.
FILLS_TABLES = True

MANAGE, REPORTS = "/api/v1/manage/reports", "/api/v1/reports"
MAY = {"start_date": "2027-05-01", "end_date": "2027-05-31"}
BOUGHT = {"min_purchase_date": "2027-05-01", "max_purchase_date": "2027-05-31"}
CREATED = {"min_creation_date": "05/01/27", "max_creation_date": "05/31/27"}
FACEBOOK = (
    "spend", "conversion", "offline_conversion", "conversion_count", "impressions", "reach", "frequency", "cpm", "cpa",
    "roi", "clicks", "ctr", "cpc",
)  # fmt: skip


class Case(NamedTuple):
    """A type of report with its options, and the call whose answer it has."""

    options: dict[str, Any]
    path: str
    query: dict[str, Any]
    has_days: bool = True


def ads(network: str) -> Case:
    query = {**MAY, "network": network, "ad_account_key": "a1", "currency": "EUR"}
    return Case({"ad_account_key": "a1", "currency": "EUR"}, "ad_stats", query)


CASES = {
    "facebook_ad_account": ads("meta"),
    "google_ad_account": ads("google"),
    "tiktok_ad_account": ads("tiktok"),
    "x_ad_account": ads("x"),
    "ad_campaigns": Case({"network": "x"}, "ad_stats/campaigns", {**MAY, "network": "x"}),
    "fans": Case({"fan_provinces": "BC"}, "manage/filters/stats", {"fan_provinces": "BC"}, has_days=False),
    "segment": Case({"segment_type": "tag", "segment_id": "{tag_id}"}, "segments/tag/{tag_id}", {}, has_days=False),
    "campaign": Case({"page_tab_id": "{page_tab_id}"}, "campaigns/{page_tab_id}/stats", MAY),
    "campaign_bundle": Case({"page_tab_id": "{bundle_id}"}, "campaigns/{bundle_id}/bundle_stats", MAY),
    "tickets": Case({"event_name": "Final"}, "crm/tickets/stats", {**BOUGHT, "event_name": "Final"}),
    "trackers": Case({"limit": 10}, "trackers", CREATED),
    "tracker": Case({"tracker_id": "{tracker_id}"}, "trackers/{tracker_id}", CREATED),
    "stream": Case(
        {"stream_key": "{stream_key}"},
        "streams/{stream_key}/summary",
        {"data": "labels"},
        has_days=False,
    ),
    "ticket_sales": Case({"by": "event"}, "manage/tickets/sales", {**BOUGHT, "by": "event"}),
}


def filled(value: Any, ids: dict[str, Any]) -> Any:
    return value.format(**ids) if isinstance(value, str) else value


async def created(api: Api, report_type: str, **fields: Any) -> str:
    body = {"report_name": f"The {report_type}", "report_type": report_type, **fields}
    result: str = (await api.ok(await api.post(MANAGE, **body)))["report_uid"]
    return result


@pytest.fixture(scope="module")
async def ids(api: Api, db: Db) -> dict[str, Any]:
    """Data for every type: within the days of the reports, and outside."""

    async def post(path: str, **values: Any) -> Any:
        return await api.ok(await api.post(f"/api/v1/{path}", **values))

    async def get(path: str) -> Any:
        return await api.ok(await api.get(f"/api/v1/{path}"))

    await post("manage/ad_figures", figures=figures())
    fan_ids = await fans(post)
    tags = await api.ok(await api.get("/api/v1/manage/tags"))
    shared = {**await made_streams(post, get), **await tracker(post, api, db)}
    return {
        "tag_id": tags[0]["tag_id"],
        **shared,
        **await campaigns(post, api, db, fan_ids),
        **await tickets(post, api, db),
    }


async def tracker(post: Any, api: Api, db: Db) -> dict[str, Any]:
    result = await made_trackers(post)
    for day in ("2027-04-30", "2027-05-02"):
        clicks = "insert into tracker_click_days values ($1, $2, $3::text::date, 12)"
        await db.execute(clicks, api.account_id, result["tracker_id"], day)
        sales = "insert into tracker_sale_days values ($1, $2, $3::text::date, 'USD', 2, 70)"
        await db.execute(sales, api.account_id, result["tracker_id"], day)
    return result


def figures() -> list[dict[str, Any]]:
    return [
        {"network": network, "day": day, "campaign_key": key, "ad_account_key": account, "currency": currency,
         "spend": 10.5, "impressions": 2000, "clicks": 31, "conversion_count": 2, "conversion_amount": 45,
         "offline_conversion_count": 1, "offline_conversion_amount": 7}
        for network in ("meta", "google", "tiktok", "x")
        for day in ("2027-05-03", "2027-05-04", "2027-06-01")
        for key, account, currency in (
            ("c1", "a1", "EUR"), ("c2", "a1", "EUR"), ("c3", "a2", "EUR"), ("c4", "a1", "CAD")
        )
    ]  # fmt: skip


async def fans(post: Any) -> list[int]:
    fan_ids = [
        (await post("crm/fans", email=f"fan{number}@example.com", province="BC", country_code="CA"))["fan_id"]
        for number in range(3)
    ]
    await post("crm/fans", email="far@example.com", province="ON", country_code="CA")
    await post("manage/tags", tag_name="early bird")
    await post("manage/tags/fans", tag_name="early bird", fan_ids=fan_ids[:2])
    return fan_ids


async def campaigns(post: Any, api: Api, db: Db, fan_ids: list[int]) -> dict[str, Any]:
    campaign = (await post("manage/campaigns", title="Quiz", app_type="custom"))["page_tab_id"]
    bundle = await post("manage/campaigns", title="Autumn", app_type="bundle", page_tab_ids=[campaign])
    for fan_id in fan_ids[1:]:
        await post(f"crm/fans/{fan_id}/activities", campaign_title="Quiz")
    sql = """
        update activities set created_at = case fan_id when $2 then '2027-05-09'::timestamptz else '2027-07-01' end
        where account_id = $1
    """
    await db.execute(sql, api.account_id, fan_ids[1])
    await count_activities(db, api.account_id)
    return {"page_tab_id": campaign, "bundle_id": bundle["page_tab_id"]}


async def tickets(post: Any, api: Api, db: Db) -> dict[str, Any]:
    for number, name in enumerate(("Final", "Final", "Derby")):
        await post(
            "crm/tickets", first_name="Ada", last_name="Okoro", email=f"fan{number}@example.com", num_seats=2,
            paid_amount=5 + number, purchase_timestamp=f"2026-05-0{number + 1} 17:30:00", event_date="2026-07-03",
            event_name=name, ticket_key=f"t{number}", event_key=name,
        )  # fmt: skip
    # Tickets cannot be bought in the future.
    await db.execute(
        "update tickets set purchased_at = purchased_at + interval '1 year' where account_id = $1", api.account_id
    )
    return {}


@pytest.mark.parametrize("report_type", TYPES)
async def test_a_report_has_the_figures_of_its_call(api: Api, ids: dict[str, Any], report_type: str) -> None:
    case = CASES[report_type]
    options = {name: filled(value, ids) for name, value in case.options.items()}
    days = MAY if case.has_days else {}
    report_uid = await created(api, report_type, options=options, **days)
    answer = await api.ok(await api.get(f"/api/v1/{filled(case.path, ids)}", **case.query))
    report = await api.ok(await api.get(f"{REPORTS}/{report_uid}"))
    data = report[report_type]
    if report_type.endswith("_ad_account"):
        (sums,) = answer
        assert {name: data[name] for name in data if name in sums} == {
            name: sums[name] for name in data if name in sums
        }
        assert (data["spend"], data["conversion"], data["offline_conversion"]) == (42, 180, 28)
        assert {name: sum(day[name] for day in data["days"]) for name in ("spend", "clicks")} == {
            "spend": sums["spend"], "clicks": sums["clicks"],
        }  # fmt: skip
        assert [day["day"] for day in data["days"]] == ["2027-05-03", "2027-05-04"]
    else:
        assert data == answer
    assert answer, "compared nothing"
    # No other type's key is there.
    assert [name for name in report if name in TYPES] == [report_type]


async def test_the_figures_of_facebook_are_those_of_the_catalogue(api: Api, ids: dict[str, Any]) -> None:
    assert ids
    report_uid = await created(api, "facebook_ad_account", options={"currency": "EUR"}, **MAY)
    data = (await api.ok(await api.get(f"{REPORTS}/{report_uid}")))["facebook_ad_account"]
    assert {name: data[name] for name in FACEBOOK} == {
        "spend": 63, "conversion": 270, "offline_conversion": 42, "conversion_count": 12, "impressions": 12000,
        "reach": None, "frequency": None, "cpm": 5.25, "cpa": 3.5, "roi": 3.9524, "clicks": 186, "ctr": 1.55,
        "cpc": 0.3387,
    }  # fmt: skip
    # Without figures nothing divides, and the currency is the account's.
    empty = await created(api, "facebook_ad_account", start_date="2020-01-01", end_date="2020-01-31")
    data = (await api.ok(await api.get(f"{REPORTS}/{empty}")))["facebook_ad_account"]
    assert (data["currency"], data["spend"], data["cpc"], data["days"]) == ("USD", 0, None, [])


def test_every_type_is_read_and_has_its_key_and_its_case() -> None:
    assert TYPES.keys() == READERS.keys() == CASES.keys()
    assert set(TYPES) <= set(ReportData.__struct_fields__)


async def test_an_open_report_goes_up_to_today(other_api: Api) -> None:
    today = datetime.now(UTC).date().isoformat()
    ticket = {
        "first_name": "Ada", "last_name": "Okoro", "email": "ada@example.com", "paid_amount": 5, "num_seats": 1,
        "purchase_timestamp": "2026-05-01 17:30:00", "event_date": today, "event_name": "Final", "ticket_key": "t",
    }  # fmt: skip
    await other_api.ok(await other_api.post("/api/v1/crm/tickets", **ticket))
    for start, count in (("2026-01-01", 1), ("2199-01-01", 0)):
        report_uid = await created(other_api, "tickets", start_date=start)
        report = await other_api.ok(await other_api.get(f"{REPORTS}/{report_uid}"))
        assert (report["end_date"], report["tickets"]["sales_count"]) == (None, count)


@pytest.mark.parametrize(("report_type", "options"), [("trackers", {}), ("tracker", {"tracker_id": "{tracker_id}"})])
async def test_a_report_without_a_first_day_says_which_days_it_shows(
    api: Api, ids: dict[str, Any], report_type: str, options: dict[str, Any]
) -> None:
    options = {name: value.format(**ids) for name, value in options.items()}
    report_uid = await created(api, report_type, end_date="2027-05-31", options=options)
    report = await api.ok(await api.get(f"{REPORTS}/{report_uid}"))
    # The call shows the 31 days up to the last one.
    assert (report["start_date"], report["end_date"]) == ("2027-05-01", "2027-05-31")
    rows = report[report_type] if report_type == "trackers" else [report[report_type]]
    assert [row["total_tracker_click_count"] for row in rows if row["tracker_id"] == ids["tracker_id"]] == [12]


@pytest.mark.parametrize("data", [["words"], ["hashtags", "labels"]])
async def test_a_report_shows_no_words_that_people_typed(api: Api, ids: dict[str, Any], data: list[str]) -> None:
    options = {"stream_key": ids["stream_key"], "data": data}
    answer = await api.post(MANAGE, report_name="Words", report_type="stream", options=options)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, ["options"])
    report_uid = await created(api, "stream", options={"stream_key": ids["stream_key"]})
    report = await api.ok(await api.get(f"{REPORTS}/{report_uid}"))
    assert (report["stream"]["words"], report["stream"]["hashtags"]) == (None, None)


async def test_the_list_says_when_a_report_was_read(other_api: Api) -> None:
    first = await created(other_api, "fans")
    rows = await other_api.ok(await other_api.get(REPORTS))
    assert rows[-1] == {
        "report_uid": first, "report_name": "The fans", "report_type": "fans", "start_date": None, "end_date": None,
        "last_access_timestamp": None, "options": {}, "business_id": None,
    }  # fmt: skip
    answer = await other_api.client.head(f"{REPORTS}/{first}", headers=other_api.keys)
    assert answer.status_code == 200
    assert (await other_api.ok(await other_api.get(REPORTS)))[-1]["last_access_timestamp"] is None
    await other_api.ok(await other_api.get(f"{REPORTS}/{first}"))
    assert (await other_api.ok(await other_api.get(REPORTS)))[-1]["last_access_timestamp"] > 0
    await other_api.ok(await other_api.delete(f"{MANAGE}/{first}"))
    assert (await other_api.get(f"{REPORTS}/{first}")).status_code == 404
    assert (await other_api.delete(f"{MANAGE}/{first}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"report_type": "weather"}, ["report_type"]),
        ({"report_type": "facebook_ad_account"}, ["start_date"]),
        ({"report_type": "ad_campaigns", "start_date": "2027-05-02", "end_date": "2027-05-01"}, ["end_date"]),
        ({"report_type": "fans", "start_date": "2027-05-02"}, ["start_date"]),
        ({"report_type": "fans", "options": {"fan_provinces": "BC", "shoe": 1}}, ["options"]),
        ({"report_type": "fans", "options": {"fan_min_age": "young"}}, ["options"]),
        ({"report_type": "fans", "options": {"name": "Ada"}}, ["options"]),
        ({"report_type": "segment", "options": {}}, ["options", "options"]),
        ({"report_type": "x_ad_account", "options": {"network": "y", "start_date": "2027-05-02"}, **MAY},
         ["options", "options"]),
        ({"report_type": "campaign", "options": {"page_tab_id": 10**12}}, ["options"]),
        ({"report_type": "segment", "options": {"segment_type": "tag", "segment_id": "0"}}, ["options"]),
        ({"report_type": "fans", "business_id": 10**12}, ["business_id"]),
        ({"report_type": "tickets", "start_date": "soon", "business_id": 10**12}, ["start_date", "business_id"]),
        ({"report_type": "fans", "report_name": ""}, ["report_name"]),

    ],
)  # fmt: skip
async def test_every_wrong_field_is_named(api: Api, body: dict[str, Any], fields: list[str]) -> None:
    answer = await api.post(MANAGE, **{"report_name": "Wrong", **body})
    assert answer.status_code == 422, answer.text
    assert sorted(error["field"] for error in answer.json()["errors"]) == sorted(fields)


async def test_a_report_about_what_was_deleted_says_so(other_api: Api) -> None:
    new = {"filter_name": "Locals", "fan_provinces": "BC"}
    filter_uid = (await other_api.ok(await other_api.post("/api/v1/manage/filters", **new)))["filter_uid"]
    options = {"segment_type": "filter", "segment_id": filter_uid}
    report_uid = await created(other_api, "segment", options=options)
    inclusive = await created(other_api, "fans", options={"fan_excl_segments": [f"filter:{filter_uid}"]})
    await other_api.ok(await other_api.delete(f"/api/v1/manage/filters/{filter_uid}"))
    for uid in (report_uid, inclusive):
        answer = await other_api.get(f"{REPORTS}/{uid}")
        assert (answer.status_code, answer.json()["code"]) == (404, "no_subject")


async def test_another_accounts_report_is_unknown(api: Api, other_api: Api) -> None:
    report_uid = await created(api, "fans")
    for uid in (report_uid, uuid.uuid4()):
        assert (await other_api.get(f"{REPORTS}/{uid}")).status_code == 404
        assert (await other_api.delete(f"{MANAGE}/{uid}")).status_code == 404
        assert (await other_api.post(f"{MANAGE}/{uid}/links")).status_code == 404
        assert (await other_api.get(f"{MANAGE}/{uid}/links")).status_code == 404
