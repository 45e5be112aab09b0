"""Pages of purchases, points, idols, links, ads and reports: what each shows to whom, and what its forms do."""

import re

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import send, signed_in
from tests.console.trade import Trade, open_trade
from tests.hosted.pages import relative, visitor


@pytest.fixture(scope="module")
async def trade(api: Api, base_url: str) -> Trade:
    return await open_trade(api, base_url)


async def test_orders_are_found_by_key_address_product_and_days(base_url: str, db: Db, api: Api, trade: Trade) -> None:
    path = f"/manage/{api.account_id}/purchases"
    async with signed_in(base_url, db, api.account_id) as client:
        page = (await client.get(path)).text
        assert page.index(">1000</a>") < page.index(">1006</a>")
        assert ">Maren Castellane</a>" in page
        for query, keys in (
            ("text=1003", ["1003"]), ("text=MAREN@example.com", ["1000", "1003", "1006"]),
            ("product_name=scarf", ["1001", "1003", "1005"]), ("network=other", []),
        ):  # fmt: skip
            page_of = (await client.get(f"{path}?{query}")).text
            assert [key for key in map(str, range(1000, 1007)) if f">{key}</a>" in page_of] == keys, query
        order = (await client.get(f"{path}/order?network=shop&order_key=1001")).text
        for text in ("Home shirt", "Scarf", "Jon Harbour", "88.82"):
            assert text in order
        assert (await client.get(f"{path}/order?network=shop&order_key=nothing")).status_code == 404
        assert "No order is like this" in (await client.get(f"{path}?text=nothing")).text
        products = (await client.get(f"/manage/{api.account_id}/products/figures?days=all")).text
        assert '<td class="num">7</td>' in products  # shirts
    assert trade.fan_ids


async def test_points_are_awarded_with_a_reason_and_taken_back_once(
    base_url: str, db: Db, api: Api, trade: Trade
) -> None:
    path, fan_id = f"/manage/{api.account_id}/points/{trade.point_uid}", trade.fan_ids[0]
    async with signed_in(base_url, db, api.account_id) as client:
        [award_uid] = re.findall(r'name="award_uid" value="([^"]+)"', (await client.get(path)).text)
        # A second press books nothing.
        for _ in range(2):
            reason = "Found the lost scarf"
            await send(client, path, fan_id=fan_id, point_count=500, reason=reason, award_uid=award_uid)
        page = (await client.get(path)).text
        assert "500 points for the fan" in page
        assert "Found the lost scarf" in page
        awards = await api.ok(await api.get(f"/api/v1/manage/points/{trade.point_uid}/awards", fan_id=fan_id))
        assert [each["reason"] for each in awards].count("Found the lost scarf") == 1
        assert (awards[0]["reason"], awards[0]["point_count"]) == ("Found the lost scarf", 500)
        uid = awards[0]["fan_point_uid"]
        for _ in range(2):
            await send(client, path, f"{path}/undo", fan_point_uid=uid)
        board = await api.ok(await api.get(f"/api/v1/manage/points/{trade.point_uid}/board"))
        assert {place["fan_id"]: place["fan_point_count"] for place in board}[fan_id] == 50
        page = (await client.get(f"{path}?fan={fan_id}")).text
        assert "Taken back" in page
        assert "Takes an award back" in page
        undoing = (await api.ok(await api.get(f"/api/v1/manage/points/{trade.point_uid}/awards", fan_id=fan_id)))[0]
        answer = await api.post(f"/api/v1/manage/fan_points/{undoing['fan_point_uid']}/undo")
        assert (answer.status_code, answer.json()["code"]) == (409, "cannot_undo")
        wrong = await send(client, path, fan_id=10**9, point_count=5, reason="Nobody", award_uid=award_uid)
        assert (wrong.status_code, "No fan has the id" in wrong.text) == (422, True)


async def test_idols_show_their_followers_and_events(base_url: str, db: Db, api: Api, trade: Trade) -> None:
    root = f"/manage/{api.account_id}/idols"
    async with signed_in(base_url, db, api.account_id) as client:
        assert '<td class="num">2</td>' in (await client.get(f"{root}/figures")).text
        page = (await client.get(f"{root}/{trade.idol_uid}")).text
        assert "Harbour lights" in page
        assert '<span class="figure__value">2</span>' in (await client.get(f"{root}/{trade.idol_uid}/followers")).text
    count = await api.ok(await api.get(f"/api/v1/manage/idols/{trade.idol_uid}/followers"))
    assert count["fan_count"] == 2


async def test_a_link_is_made_changed_and_deleted(base_url: str, db: Db, api: Api, trade: Trade) -> None:
    root = f"/manage/{api.account_id}/links"
    async with signed_in(base_url, db, api.account_id) as client:
        page = (await client.get(root)).text
        assert '<td class="num">3</td><td class="num opt">1</td>' in page
        link_page = (await client.get(f"{root}/{trade.tracker_id}")).text
        for text in ("From a data centre", "Program", "Googlebot", "Clicks of people by day"):
            assert text in link_page
        new = {
            "virtual_domain": "localhost", "target_url": "https://shop.example.com/x", "tracker_name": "Flyers",
            "tracker_group_name": "Print", "network": "custom",
        }  # fmt: skip
        answer_of = await send(client, f"{root}/new", **new)
        path = answer_of.headers["location"]
        assert "The link is made." in (await client.get(path)).text
        changes = {
            "target_url": "https://shop.example.com/y",
            "tracker_name": "Flyers 2",
            "tracker_group_name": "Print",
        }
        await send(client, path, **changes)
        assert "Flyers 2" in (await client.get(path)).text
        picture = await client.get(f"{path}/qr?form=png")
        assert picture.content.startswith(b"\x89PNG")
        assert (await client.get(f"{path}/qr?form=svg")).headers["content-type"] == "image/svg+xml"
        await send(client, path, f"{path}/delete")
        assert (await client.get(path)).status_code == 404
        wrong = await send(client, f"{root}/new", **{**new, "target_url": "javascript:alert(1)"})
        assert wrong.status_code == 422


async def test_attribution_domains_and_verdicts_are_set(base_url: str, db: Db, api: Api, trade: Trade) -> None:
    path = f"/manage/{api.account_id}/links/settings"
    async with signed_in(base_url, db, api.account_id) as client:
        await send(client, path, attribution="linear")
        assert (await api.ok(await api.get("/api/v1/manage/tracker_settings")))["attribution"] == "linear"
        await send(client, path, f"{path}/domains", virtual_domain="go.harbour.example.com")
        page = (await client.get(path)).text
        assert "_fanfare.go.harbour.example.com" in page
        assert "Waits for its DNS record" in page
        (domain,) = await api.ok(await api.get("/api/v1/manage/tracker_domains"))
        await send(client, path, f"{path}/domains/{domain['domain_id']}/check")
        await send(client, path, f"{path}/verdicts")
        jobs = await db.rows(
            "select entrypoint from jobs.pgqueuer where (headers ->> 'account_id')::bigint = $1", api.account_id
        )
        assert {"trackers.check_domain", "trackers.judge_all", "trackers.attribute_all"} <= {
            row["entrypoint"] for row in jobs
        }
        await send(client, path, f"{path}/domains/{domain['domain_id']}/remove")
        assert "No domain of yours" in (await client.get(path)).text
    assert trade.tracker_id


async def test_figures_of_ads_are_imported_and_compared(base_url: str, db: Db, api: Api, trade: Trade) -> None:
    root = f"/manage/{api.account_id}/ads"
    text = (
        "Day,Campaign,Currency code,Cost,Impr.,Clicks\n2027-05-02,Derby,CAD,84.20,21040,312\nTotal,,,84.20,21040,312\n"
    )
    async with signed_in(base_url, db, api.account_id) as client:
        figures = (await client.get(f"{root}/figures")).text
        assert "Season tickets" in figures
        assert "CA$715.00" in figures
        page = (await send(client, f"{root}/import", network="google", csv=text)).text
        assert "Rows stored: 1; totals left out: 1; wrong rows: 0." in page
        token = {
            "form_token": (await client.get(f"{root}/import")).text.partition('form_token" value="')[2].split('"')[0]
        }
        answer = await client.post(
            f"{root}/import/file", data={**token, "network": "google"}, files={"csv_file": ("a.csv", text)}
        )
        assert "Rows stored: 1;" in answer.text
        wrong = await send(client, f"{root}/import", network="google", csv="a,b\n1,2\n")
        assert wrong.status_code == 422
        assert "field__error" in wrong.text
        project = f"{root}/projects/{trade.project_uid}"
        await send(client, project, name="Posters", budget_amount="300.50")
        page = (await client.get(project)).text
        assert "$2,800.50" in page
        lines = await api.ok(await api.get(f"/api/v1/manage/ad_projects/{trade.project_uid}/lines"))
        await send(client, project, f"{project}/lines/{lines[-1]['project_line_uid']}/delete")
        assert "$2,500.00" in (await client.get(project)).text


async def test_a_report_is_made_read_shared_and_its_link_ended(base_url: str, db: Db, api: Api, trade: Trade) -> None:
    root = f"/manage/{api.account_id}/reports"
    async with signed_in(base_url, db, api.account_id) as client:
        new = {"report_type": "tracker", "report_name": "Spring mail", "subject": trade.tracker_id}
        answer_of = await send(client, f"{root}/new?report_type=tracker", f"{root}/new", **new)
        path = answer_of.headers["location"]
        sheet = (await client.get(f"{path}/data")).text
        assert "Spring mail" in sheet
        shared = await send(client, path, f"{path}/links", days=3)
        url = shared.text.partition('id="report-link"')[2].partition(">")[2].partition("<")[0]
        async with visitor(base_url) as stranger:
            assert "Spring mail" in (await stranger.get(relative(url))).text
            (link,) = await api.ok(await api.get(f"/api/v1/manage/reports/{path.rpartition('/')[2]}/links"))
            await send(client, path, f"{path}/links/{link['report_link_id']}/end")
            assert (await stranger.get(relative(url))).status_code == 404
        wrong = await send(
            client,
            f"{root}/new?report_type=campaign",
            f"{root}/new",
            report_type="campaign",
            report_name="None",
            subject="999999",
            start_date="2027-01-01",
        )
        assert wrong.status_code == 422
        await send(client, path, f"{path}/delete")
        assert (await client.get(path)).status_code == 404


async def test_people_of_a_business_see_its_reports_and_no_sales(base_url: str, db: Db, api: Api, trade: Trade) -> None:
    root = f"/manage/{api.account_id}"
    async with signed_in(base_url, db, api.account_id, business_ids=[trade.business_id]) as client:
        assert "Links of the season" in (await client.get(f"{root}/reports")).text
        assert (await client.get(f"{root}/reports/{trade.report_uid}")).status_code == 200
        assert "There are no links yet" in (await client.get(f"{root}/links")).text
        assert (await client.get(f"{root}/links/{trade.tracker_id}")).status_code == 404
        assert (await client.get(f"{root}/ads/projects/{trade.project_uid}")).status_code == 404
        for path in ("/purchases", "/products", "/points", "/ads/figures", "/links/settings", "/idols/figures"):
            assert (await client.get(root + path)).status_code == 403, path
    other = (await api.ok(await api.post("/api/v1/manage/businesses", business_name="Another")))["business_id"]
    async with signed_in(base_url, db, api.account_id, business_ids=[other]) as client:
        assert (await client.get(f"{root}/reports/{trade.report_uid}")).status_code == 404
        assert (await client.get(f"{root}/reports/{trade.report_uid}/data")).status_code == 404


async def test_without_the_right_nobody_is_named(base_url: str, db: Db, api: Api, trade: Trade) -> None:
    root = f"/manage/{api.account_id}"
    paths = (
        f"{root}/purchases", f"{root}/purchases/order?network=shop&order_key=1001", f"{root}/points",
        f"{root}/points/{trade.point_uid}", f"{root}/links/{trade.tracker_id}",
    )  # fmt: skip
    page = ""
    async with signed_in(base_url, db, api.account_id, "analyst") as client:
        for path in paths:
            page = (await client.get(path)).text
            for text in ("Castellane", "Harbour</a>", "maren@", "jon@", "Mozilla/5.0"):
                assert text not in page, (path, text)
    assert "127.…" in page
