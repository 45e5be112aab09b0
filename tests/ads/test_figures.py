"""Figures of ads: stored by ad and day, summed by platform and campaign, and read from the exports of platforms."""

from typing import Any

import pytest

from fanfare.ads import exports
from fanfare.ads.schemas.figures import NewImport
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.rules.project import ROOT
from tests.yardstick import cpu_seconds, takes_longer

SAVE, IMPORT = "/api/v1/manage/ad_figures", "/api/v1/manage/ad_figures/import"
MAY = {"start_date": "2027-05-01", "end_date": "2027-05-31"}


def figure(day: str = "2027-05-02", **values: Any) -> dict[str, Any]:
    return {"network": "meta", "day": day, "campaign_key": "c1", "spend": 10, **values}


async def saved(api: Api, *figures: dict[str, Any]) -> Any:
    return await api.ok(await api.post(SAVE, figures=list(figures)))


async def stats(api: Api, path: str = "", **query: Any) -> Any:
    return await api.ok(await api.get(f"/api/v1/ad_stats{path}", **{**MAY, **query}))


async def test_figures_are_summed_in_a_range_of_days(api: Api) -> None:
    await saved(
        api,
        figure("2027-04-30", spend=1000),
        figure("2027-05-01", spend="84.20", impressions=21040, clicks=312, conversion_count=1.5, conversion_amount=400),
        figure("2027-05-31", spend=15.80, impressions=960, clicks=8, offline_conversion_amount=100),
        figure("2027-05-31", campaign_key="c2", campaign_name="Autumn", custom_conversion_count=3),
        figure("2027-06-01", spend=1000),
        figure("2027-05-05", network="Google", spend=5),
    )
    google, meta = await stats(api)
    assert {name: meta[name] for name in ("network", "spend", "impressions", "clicks", "conversion_count")} == {
        "network": "meta", "spend": 110, "impressions": 22000, "clicks": 320, "conversion_count": 1.5,
    }  # fmt: skip
    assert (meta["roas"], meta["cpc"], meta["cpm"]) == (4.5455, 0.3438, 5)
    assert (meta["custom_conversion_count"], meta["offline_conversion_amount"]) == (3, 100)
    # Nothing divides by zero.
    assert (google["network"], google["roas"], google["cpc"], google["cpm"]) == ("google", 0, None, None)
    assert [row["network"] for row in await stats(api, network="GOOGLE")] == ["google"]
    campaigns = await stats(api, "/campaigns", network="meta")
    assert [(row["campaign_key"], row["campaign_name"], row["spend"]) for row in campaigns] == [
        ("c1", None, 100), ("c2", "Autumn", 10),
    ]  # fmt: skip


async def test_figures_of_an_ad_and_day_are_replaced(other_api: Api, db: Db) -> None:
    await saved(other_api, figure(campaign_name="Old", ad_key="a1", clicks=5), figure(ad_key="b1", spend=3))
    await saved(
        other_api,
        *(figure(campaign_name=name, ad_key="a1", spend=spend) for name, spend in [("New", 12), ("Newer", 13)]),
    )
    (row,) = await stats(other_api, "/campaigns")
    assert (row["spend"], row["clicks"], row["campaign_name"]) == (16, 0, "Newer")
    # One ad is in another currency now: there is a row for each.
    await saved(other_api, figure(ad_key="b1", spend=3, currency="EUR"))
    rows = await stats(other_api)
    assert {row["currency"]: row["spend"] for row in rows} == {"EUR": 3, "USD": 13}
    topics = await db.value(
        "select count(*) from changes where account_id = $1 and topic = 'ad_figures.updated'"
        " and subject_id = 'meta:2027-05-02'",
        other_api.account_id,
    )
    assert topics == 3


async def test_figures_of_ads_replace_those_of_their_campaign_and_the_other_way_round(api: Api) -> None:
    """An export by ad after one by campaign does not double the spend."""
    other = figure(network="levels", campaign_key="other", spend=1)
    await saved(api, figure(network="levels", spend=10), other, figure("2027-05-03", network="levels", spend=1))
    await saved(api, *(figure(network="levels", ad_key=key, spend=6) for key in "ab"))
    assert [row["spend"] for row in await stats(api, network="levels")] == [14]
    await saved(api, figure(network="levels", spend=11))
    assert [row["spend"] for row in await stats(api, network="levels")] == [13]


async def test_a_wrong_line_affects_no_other(api: Api) -> None:
    result = await saved(
        api,
        figure(network="lines"),
        figure(network="lines", day="soon", spend=None),
        {"network": "x"},
        figure(network="lines", campaign_key=None),
    )
    assert result["saved_count"] == 1
    assert [(each["index"], [error["field"] for error in each["errors"]]) for each in result["errors"]] == [
        (1, ["day", "spend"]),
        (2, ["day", "spend", "campaign_key"]),
        (3, ["campaign_key"]),
    ]


META = """\
Reporting starts,Reporting ends,Campaign name,Campaign ID,Ad ID,Amount spent (EUR),Impressions,Link clicks,\
Website purchases,Website purchases conversion value
,,,,,99.99,1,1,1,1
2027-05-02,2027-05-02,"Season, early",c9,a1,"1,084.20","21,040",312,9,1170.5
2027-05-01,2027-05-07,Week,c9,a1,5,1,1,1,1
"""
GOOGLE = """\
Campaign report
May 1, 2027 - May 31, 2027
Day;Campaign;Campaign ID;Currency code;Cost;Impr.;Clicks;Conversions;Conv. value
02.05.2027;Saisonkarten;77;EUR;1.084,20;21.040;312;0,5; --
Total: Account; --; --;EUR;1.084,20;21.040;312;0,5;0
"""
TIKTOK = (
    "\ufeff"
    + """\
Campaign name,Campaign ID,By Day,Cost,Currency,Impressions,Clicks (destination)
Open air,5,2027-05-02 00:00:00,7.5,USD,100,2
Total,,2027-05-02,7.5,USD,100,2
""".replace(",", "\t")
)
X = """\
Time period,Campaign name,Spend,Impressions,Link clicks
Total,,$7.50,100,2
"May 2, 2027",Open air,$7.50,100,2
"""
RADIO = """\
when,what,net
2/5/2027,Spots,12.5
,Spots,12.5
2027-05-02,Spots,"1,5"
"""
RADIO_COLUMNS = {
    "columns": {"day": "when", "campaign_name": "what", "spend": "net"}, "date_order": "dmy", "currency": "CHF",
}  # fmt: skip


@pytest.mark.parametrize(
    ("export", "expected", "faults"),
    [
        (("meta", META, {}), ("EUR", 1084.2, 21040, 312, 9, 1170.5, "c9", "Season, early"), [(3, ["day"])]),
        (("google", GOOGLE, {"date_order": "dmy"}), ("EUR", 1084.2, 21040, 312, 0.5, 0, "77", "Saisonkarten"), []),
        (("tiktok", TIKTOK, {}), ("USD", 7.5, 100, 2, 0, 0, "5", "Open air"), []),
        (("x", X, {"currency": "GBP"}), ("GBP", 7.5, 100, 2, 0, 0, "Open air", "Open air"), []),
        (("radio", RADIO, RADIO_COLUMNS), ("CHF", 12.5, 0, 0, 0, 0, "Spots", "Spots"), [(3, ["spend"])]),
    ],
    ids=["meta", "google", "tiktok", "x", "another"],
)
async def test_exports_are_read(api: Api, export: tuple[str, str, dict[str, Any]], expected: Any, faults: Any) -> None:
    """Twice, which changes nothing. Each has a line without a day, or with a total."""
    network, csv, extra = export
    for _ in range(2):
        result = await api.ok(await api.post(IMPORT, network=network, csv=csv, **extra))
        assert (result["saved_count"], result["skipped_count"]) == (1, 1), result
        assert [(each["index"], [error["field"] for error in each["errors"]]) for each in result["errors"]] == faults
    rows = await stats(api, "/campaigns", network=network)
    names = (
        "currency",
        "spend",
        "impressions",
        "clicks",
        "conversion_count",
        "conversion_amount",
        "campaign_key",
        "campaign_name",
    )
    assert tuple(next(row for row in rows if row["currency"] == expected[0])[name] for name in names) == expected


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"network": "meta", "csv": "a,b\n1,2\n"}, "csv"),
        ({"network": "meta", "csv": ""}, "csv"),
        ({"network": "x", "csv": 'Date,Spend,Campaign\n2027-05-02,1,"' + "x" * 200_000 + '"\n'}, "csv"),
        ({"network": "x", "csv": "Date,Spend\n", "columns": {"price": "Spend"}}, "columns"),
        ({"network": "x", "csv": "Date,Spend\n", "columns": {"spend": 5}}, "columns"),
        ({"network": "x", "csv": "Date,Spend\n", "decimal_mark": "'"}, "decimal_mark"),
    ],
)
async def test_what_is_no_export_is_refused(api: Api, body: Any, field: str) -> None:
    answer = await api.post(IMPORT, **body)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])


@pytest.mark.parametrize("cell", ["1" + "a" * 100_000 + "1", "2027-05-02 " * 9_000, "1," * 50_000, "Total" * 20_000])
async def test_no_cell_takes_long(api: Api, cell: str) -> None:
    """Cells of every column, among them the names; quadratic time would be minutes."""
    for text in (f'day,campaign_name,spend\n"{cell}","{cell}","{cell}"\n', f'"a{" " * 100_000}b",day,spend,"{cell}"\n'):
        body = NewImport(network="slow", csv=text)
        assert not takes_longer(2000, lambda body=body: cpu_seconds(exports.read_export, body))  # type: ignore[misc]
    answer = await api.post(IMPORT, network="slow", csv=f'day,campaign_name,spend\n2027-05-02,a,"{cell}"\n')
    assert answer.json()["saved_count"] == 0


async def test_a_campaign_may_be_named_total(api: Api) -> None:
    """And a cell may have a line separator in it."""
    csv = "Day,Campaign,Cost,Currency code\n2027-05-02,Total Football,5,EUR\n2027-05-02,Open\u2028air,6,EUR\n"
    result = await api.ok(await api.post(IMPORT, network="google", csv=csv + "2027-05-02,Total: Account,11,EUR\n"))
    assert (result["saved_count"], result["skipped_count"], result["errors"]) == (2, 1, [])
    names = [row["campaign_name"] for row in await stats(api, "/campaigns", network="google")]
    assert {"Total Football", "Open\u2028air"} <= set(names)


async def test_of_a_campaign_with_its_ads_in_one_batch_the_ads_count(api: Api) -> None:
    both = [figure(network="both", spend=10), figure(network="both", ad_key="a", spend=6)]
    for _ in range(2):
        assert (await saved(api, *both))["saved_count"] == 1
        assert [row["spend"] for row in await stats(api, network="both")] == [6]


@pytest.mark.parametrize(
    ("text", "mark", "number"),
    [
        ("1,234", ".", "1234"), ("1,5", ".", "1,5"), ("1.234", ",", "1234"), ("1.5", ",", "1.5"), ("12,5", ",", "12.5"),
        ("$1,234.50", ".", "1234.50"), ("-3", ".", "-3"), ("5 \u20ac", ",", "5"), ("1 234,5", ",", "1234.5"),
        ("x", ".", "x"),
    ],
)  # fmt: skip
def test_marks_of_numbers(text: str, mark: str, number: str) -> None:
    assert exports._number(text, mark) == number  # noqa: SLF001 - a table


async def test_a_range_ends_after_it_starts(api: Api) -> None:
    answer = await api.get("/api/v1/ad_stats", start_date="2027-05-02", end_date="2027-05-01")
    assert [error["field"] for error in answer.json()["errors"]] == ["end_date"]


def test_the_document_lists_the_columns() -> None:
    """In docs/ads.md, by field and platform."""
    rows = [
        " | ".join(
            [f"| {field}", *(" or ".join(columns.get(field, ())) for columns in exports.PLATFORM_COLUMNS.values())]
        )
        for field in exports.PLATFORM_COLUMNS["meta"]
    ]
    text = (ROOT / "docs/ads.md").read_text("utf-8")
    assert [row for row in rows if f"{row} |\n" not in text] == []
