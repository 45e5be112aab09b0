"""A fan follows a link from a message, sees what we may send, and changes it; a mail program ends it with one click."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from fanfare.kernel.data import limits
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages import site
from fanfare.kernel.pages.assets import assets
from fanfare.kernel.parameters import Raw, from_query
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings
from tests.api import Api
from tests.conftest import serving
from tests.hosted.pages import links, relative, token_in, visitor
from tests.running import PATIENCE

OFF = {"email": "", "phone": ""}


async def new_fan(api: Api, name: str, **fields: Any) -> int:
    """Create a fan with an address of that name."""
    new = {"email": f"{name}@example.org", "is_subscribed": True, **fields}
    fan_id: int = (await api.ok(await api.post("/api/v1/crm/fans", **new)))["fan_id"]
    return fan_id


async def fan(api: Api, fan_id: int) -> dict[str, Any]:
    result: dict[str, Any] = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}"))
    return result


async def send(client: httpx.AsyncClient, url: str, **fields: Any) -> httpx.Response:
    """Open a page and send its form."""
    page = await client.get(url)
    return await client.post(url, data={"form_token": token_in(page), **fields})


async def test_a_page_reads_its_query_once(api: Api, base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = relative((await links(api, await new_fan(api, "once")))["preferences_url"])
    queries: list[bytes] = []

    def counted(query: bytes) -> Raw:
        queries.append(query)
        return from_query(query)

    monkeypatch.setattr(site, "from_query", counted)
    async with visitor(base_url) as client:
        assert (await client.get(url)).status_code == 200
    assert queries == [url.partition("?")[2].encode()]


async def test_ada_reads_and_changes_what_we_may_send(api: Api, base_url: str, db: Db) -> None:
    business = (await api.ok(await api.post("/api/v1/manage/businesses", business_name="Northside Women")))[
        "business_id"
    ]
    ada = await new_fan(api, "ada")
    url = relative((await links(api, ada))["preferences_url"])
    async with visitor(base_url) as client:
        page = await client.get(url)
        assert page.status_code == 200
        assert "a…@example.org" in page.text
        assert "ada@example.org" not in page.text
        assert 'name="email" value="true" checked' in page.text
        assert 'name="phone" value="true">' in page.text
        answer = await send(client, url, phone="true", **{"business_ids[]": str(business)})
        assert answer.status_code == 303, answer.text
        page = await client.get(answer.headers["location"])
        assert "Saved." in page.text
        assert 'name="phone" value="true" checked' in page.text
    result = await fan(api, ada)
    assert (result["is_subscribed"], result["is_phone_subscribed"]) == (False, True)
    assert result["opted_in_business_ids"] == [business]
    rows = await db.rows(
        "select channel, is_granted, consent_source, wording from consents where account_id = $1 and fan_id = $2"
        " and consent_source = 'preferences page' order by channel",
        api.account_id,
        ada,
    )
    assert [(row["channel"], row["is_granted"]) for row in rows] == [
        ("business", True), ("email", False), ("phone", True),
    ]  # fmt: skip
    assert all(row["wording"].startswith("You may send me") for row in rows)


async def test_a_form_that_changes_nothing_notes_nothing(api: Api, base_url: str, db: Db) -> None:
    bob = await new_fan(api, "bob")
    url = relative((await links(api, bob))["preferences_url"])
    count = "select count(*) from consents where account_id = $1 and fan_id = $2"
    old = await db.value(count, api.account_id, bob)
    async with visitor(base_url) as client:
        assert (await send(client, url, email="true")).status_code == 303
    assert await db.value(count, api.account_id, bob) == old


async def test_cleo_wants_nothing_at_all_and_comes_back(api: Api, base_url: str) -> None:
    cleo = await new_fan(api, "cleo")
    url = relative((await links(api, cleo))["preferences_url"])
    async with visitor(base_url) as client:
        await send(client, url, email="true", is_nothing="true")
        result = await fan(api, cleo)
        assert (result["is_optout"], result["is_subscribed"]) == (True, False)
        assert "nothing at all. A tick below" in (await client.get(url)).text
        await send(client, url, email="true")
    result = await fan(api, cleo)
    assert (result["is_optout"], result["is_subscribed"]) == (False, True)


async def test_a_page_that_was_open_says_nothing_of_boxes_left_alone(api: Api, base_url: str) -> None:
    answer = await api.post("/api/v1/manage/businesses", business_name="Northside Open")
    business = str((await api.ok(answer))["business_id"])
    may = await new_fan(api, "may")
    url = relative((await links(api, may))["preferences_url"])
    async with visitor(base_url) as client:
        await send(client, url, email="true", **{"business_ids[]": business})
        page = await client.get(url)
        (ticks,) = re.findall(r'name="old_ticks" value="([^"]*)"', page.text)
        fields = {"form_token": token_in(page), "old_ticks": ticks, "email": "true", "business_ids[]": business}
        # Meanwhile the fan takes back both ticks elsewhere.
        await send(client, url)
        await client.post(url, data={**fields, "phone": "true"})
        result = await fan(api, may)
        assert (result["is_subscribed"], result["opted_in_business_ids"]) == (False, [])
        assert result["is_phone_subscribed"] is True
        # What the fan changes is written.
        await send(client, url, phone="true", email="true", old_ticks="form phone")
        assert (await fan(api, may))["is_subscribed"] is True


async def test_a_mail_program_unsubscribes_with_one_click(api: Api, base_url: str, db: Db) -> None:
    dana = await new_fan(api, "dana")
    headers = await links(api, dana)
    url = relative(headers["unsubscribe_url"])
    assert headers["list_unsubscribe"] == f"<{headers['unsubscribe_url']}>"
    name, _, value = headers["list_unsubscribe_post"].partition("=")
    async with visitor(base_url) as client:
        page = await client.get(url)
        assert "No more mail from" in page.text
        assert (await fan(api, dana))["is_subscribed"], "what looks at links changes nothing"
    # Without cookies, from another site, as RFC 8058 says; a second time, nothing fails.
    for _ in range(2):
        async with httpx.AsyncClient(
            base_url=base_url, headers={"Origin": "https://mail.example"}, timeout=PATIENCE
        ) as program:
            answer = await program.post(url, data={name: value})
        assert answer.status_code == 200
        assert "You are unsubscribed" in answer.text
        assert not (await fan(api, dana))["is_subscribed"]
    count = "select count(*) from consents where account_id = $1 and fan_id = $2 and not is_granted"
    assert await db.value(count, api.account_id, dana) == 1


async def test_a_link_of_one_business_ends_that_business_alone(api: Api, base_url: str) -> None:
    ids = [
        (await api.ok(await api.post("/api/v1/manage/businesses", business_name=name)))["business_id"]
        for name in ("Club", "Arena")
    ]
    eve = await new_fan(api, "eve", **{f"business_{each}": True for each in ids})
    url = relative((await links(api, eve, business_id=ids[0]))["unsubscribe_url"])
    async with visitor(base_url) as client:
        assert "No more mail from Club?" in (await client.get(url)).text
        await client.post(url)
    result = await fan(api, eve)
    assert (result["opted_in_business_ids"], result["is_subscribed"]) == ([ids[1]], True)


async def test_a_link_outlives_a_merge_and_ends_with_an_erasure(api: Api, base_url: str) -> None:
    finn, gail = await new_fan(api, "finn"), await new_fan(api, "gail")
    url = relative((await links(api, finn))["unsubscribe_url"])
    await api.ok(await api.post(f"/api/v1/manage/fans/{gail}/merge", merged_fan_id=finn))
    async with visitor(base_url) as client:
        await client.post(url)
        assert not (await fan(api, gail))["is_subscribed"]
        await api.ok(await api.post(f"/api/v1/manage/fans/{gail}/erase"))
        answer = await client.get(url)
        assert answer.status_code == 404
        assert "newest message" in answer.text


async def test_links_that_were_not_made_here(api: Api, other_api: Api, base_url: str) -> None:
    hugo = await new_fan(api, "hugo")
    link = (await links(api, hugo))["preferences_url"].partition("link=")[2]
    ids, _, signature = link.rpartition(".")
    next_fan = ".".join([ids.split(".")[0], str(hugo + 1), "0", signature])
    others = [link[:-1], link[::-1], next_fan, ids, f"{ids}.", f"{ids}.é", "x" * 100, "...", "0.0.0.", ""]
    async with visitor(base_url) as client:
        for other in others:
            for path in ("/crm/preferences", "/crm/unsubscribe"):
                answer = await client.get(path, params={"link": other})
                assert answer.status_code == (422 if not other else 404), other
                assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert (await client.get("/crm/preferences", params={"link": "x" * 101})).status_code == 422
    assert (await other_api.get(f"/api/v1/manage/fans/{hugo}/preference_links")).status_code == 404
    assert (await api.get(f"/api/v1/manage/fans/{hugo}/preference_links", business_id=10**9)).status_code == 404
    assert (await api.public_get(f"/api/v1/manage/fans/{hugo}/preference_links")).status_code == 403


FOREIGN: dict[str, tuple[dict[str, str], str | None]] = {
    "no token": ({}, ""),
    "no token at all": ({}, None),
    "another text": ({}, "x" * 100),
    "sealed for another purpose": ({}, "preferences"),
    "another origin": ({"Origin": "https://evil.example"}, "right"),
    "an origin that is none": ({"Origin": "null"}, "right"),
    "a browser that says so": ({"Sec-Fetch-Site": "cross-site"}, "right"),
    "another host of the domain": ({"Sec-Fetch-Site": "same-site"}, "right"),
}


@pytest.mark.parametrize("case", FOREIGN)
async def test_a_form_of_another_site_is_refused(api: Api, base_url: str, case: str) -> None:
    ines = await new_fan(api, f"ines{list(FOREIGN).index(case)}")
    url = relative((await links(api, ines))["preferences_url"])
    headers, kind = FOREIGN[case]
    async with visitor(base_url) as client:
        right = token_in(await client.get(url))
        tokens = {"right": right, "preferences": secret_keys.seal("preferences", b"x")}
        fields = {} if kind is None else {"form_token": tokens.get(kind, kind)}
        answer = await client.post(url, data=fields, headers=headers)
        assert answer.status_code == 403, answer.text
        assert ("another site" if headers else "reload the page") in answer.text
    assert (await fan(api, ines))["is_subscribed"]


async def test_a_form_is_sent_through_a_proxy_that_renames_the_host(api: Api, settings: Settings) -> None:
    ivo = await new_fan(api, "ivo")
    url = relative((await links(api, ivo))["preferences_url"])
    public = settings.replace(public_url="https://fans.example.com")
    with serving(public) as base_url:
        async with visitor(base_url) as client:
            page = await client.get(url)
            # The client would not send a cookie that is for TLS alone.
            cookie = page.headers["set-cookie"].partition(";")[0]
            for origin, status in (("https://fans.example.com", 303), ("https://evil.example", 403)):
                answer = await client.post(
                    url,
                    data={"form_token": token_in(page), "email": "true"},
                    headers={"Host": "upstream:8080", "Origin": origin, "Cookie": cookie},
                )
                assert answer.status_code == status, answer.text
    assert "; Secure" in page.headers["set-cookie"]
    assert page.headers["set-cookie"].startswith("__Host-")
    assert "max-age" in page.headers["strict-transport-security"]


async def test_a_query_that_cannot_be_read_is_refused_by_a_page(base_url: str) -> None:
    async with visitor(base_url) as client:
        for query, status in (("link=%FF", 400), ("language=%FF", 400), ("a&" * 1001, 413)):
            answer = await client.get(f"/crm/preferences?{query}")
            assert answer.status_code == status
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert "content-security-policy" in answer.headers


async def test_a_link_of_a_deleted_business_still_leads_to_the_fan(api: Api, base_url: str) -> None:
    created = await api.post("/api/v1/manage/businesses", business_name="Pop-up Shop")
    business_id = (await api.ok(created))["business_id"]
    pia = await new_fan(api, "pia")
    each = await links(api, pia, business_id=business_id)
    await api.ok(await api.delete(f"/api/v1/manage/businesses/{business_id}"))
    async with visitor(base_url) as client:
        assert (await client.get(relative(each["preferences_url"]))).status_code == 200
        assert (await client.post(relative(each["unsubscribe_url"]))).status_code == 200


async def test_a_form_belongs_to_the_browser_that_opened_it(api: Api, base_url: str) -> None:
    jude = await new_fan(api, "jude")
    url = relative((await links(api, jude))["preferences_url"])
    async with visitor(base_url) as one, visitor(base_url) as two:
        token = token_in(await one.get(url))
        await two.get(url)
        assert (await two.post(url, data={"form_token": token})).status_code == 403
        first, second = [token_in(await one.get(url)) for _ in range(2)]
        assert first != second
        assert (await one.post(url, data={"form_token": first, "email": "true"})).status_code == 303


async def test_a_form_that_lay_open_for_days_is_refused(
    api: Api, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = await new_fan(api, "kit")
    url = relative((await links(api, kit))["preferences_url"])
    async with visitor(base_url) as client:
        token = token_in(await client.get(url))
        monkeypatch.setattr("fanfare.kernel.pages.forms.MAX_AGE", timedelta(seconds=-1))
        assert (await client.post(url, data={"form_token": token})).status_code == 403


async def test_a_refused_form_comes_back_with_what_is_wrong(api: Api, base_url: str) -> None:
    lea = await new_fan(api, "lea")
    url = relative((await links(api, lea))["preferences_url"])
    async with visitor(base_url) as client:
        answer = await send(client, url, email="perhaps", **{"business_ids[]": "no"})
        assert answer.status_code == 422
        assert "Please correct the marked fields." in answer.text
        assert re.search(r'id="email-fault">.*must be true or false', answer.text, re.DOTALL)
        assert (await send(client, url, email="true", **{"business_ids[]": "999999"})).status_code == 422
    assert (await fan(api, lea))["is_subscribed"]


async def test_headers_of_every_page(api: Api, base_url: str) -> None:
    mia = await new_fan(api, "mia")
    each = await links(api, mia)
    async with visitor(base_url) as client:
        for url in (relative(each["preferences_url"]), relative(each["unsubscribe_url"]), "/crm/preferences?link=x"):
            page = await client.get(url)
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert page.headers["cache-control"] == "no-store"
            assert page.headers["referrer-policy"] == "same-origin"
            assert page.headers["x-content-type-options"] == "nosniff"
            assert page.text.startswith("<!doctype html>")
            assert " style=" not in page.text
            assert "<script" not in page.text
            head = await client.head(url)
            assert (head.status_code, head.content) == (page.status_code, b"")
        cookie = (await client.get(relative(each["preferences_url"]))).headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


async def test_the_look_of_a_business_is_safe(api: Api, base_url: str) -> None:
    evil = {"brand_color": "red;}body{display:none", "logo": "javascript:alert(1)"}
    looks = [
        ("<b>Evil</b>", evil, {"logo": "http://plain.example/x.png"}, "javascript:alert(1)"),
        ("Harbour & City", {"brand_color": "#00a6a6"}, {"logo": "https://x.example/a.png"}, "https://x.example/p"),
    ]
    nora = await new_fan(api, "nora")
    pages = []
    async with visitor(base_url) as client:
        for name, style, media, privacy in looks:
            created = await api.post(
                "/api/v1/manage/businesses",
                business_name=name, style_props=style, media_map=media, legal_privacy=privacy,
            )  # fmt: skip
            url = (await links(api, nora, business_id=(await api.ok(created))["business_id"]))["preferences_url"]
            pages.append((await client.get(relative(url))).text)
    assert "<b>Evil" not in pages[0]
    assert "&lt;b&gt;Evil&lt;/b&gt;" in pages[0]
    for word in ("display:none", "javascript:", "plain.example", "--brand"):
        assert word not in pages[0]
    for word in ("Harbour &amp; City", "--brand: #00a6a6", "https://x.example/a.png", 'href="https://x.example/p"'):
        assert word in pages[1]


async def test_pages_speak_german_and_french(api: Api, base_url: str) -> None:
    olga = await new_fan(api, "olga")
    url = relative((await links(api, olga))["preferences_url"])
    async with visitor(base_url) as client:
        german = await client.get(url, headers={"Accept-Language": "de-CH,de;q=0.9"})
        assert '<html lang="de"' in german.text
        assert "Was dürfen wir Ihnen senden?" in german.text
        french = await client.get(f"{url}&language=fr", headers={"Accept-Language": "de"})
        assert "Que pouvons-nous vous envoyer" in french.text
        refused = await client.post(f"{url}&language=de", data={})
        assert '<html lang="de"' in refused.text
        answer = await send(client, f"{url}&language=fr", email="true")
        assert "Enregistré." in (await client.get(answer.headers["location"])).text


async def test_assets_are_kept_for_good(base_url: str) -> None:
    async with visitor(base_url) as client:
        for asset in assets().values():
            answer = await client.get(asset.url)
            assert answer.content == asset.content
            assert answer.headers["content-encoding"] == "gzip"
            assert "immutable" in answer.headers["cache-control"]
            plain = await client.get(asset.url, headers={"Accept-Encoding": "identity"})
            assert plain.content == asset.content
        for wrong in (f"/assets/000000000000/{asset.name}", "/assets/x/..%2Fpage.py", "/assets/x/none.css"):
            assert (await client.get(wrong)).status_code == 404


async def test_an_address_has_so_many_pages_a_minute(api: Api, base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.VISIT_LIMITS, limits.Visits.PAGES, 0)
    async with visitor(base_url) as client:
        answer = await client.get("/crm/preferences?link=x")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Too many pages" in answer.text
    # The calls of the API are counted by themselves.
    assert (await api.public_get("/api/v1/businesses")).status_code == 200


async def test_bodies_have_a_bound(base_url: str) -> None:
    async with visitor(base_url) as client:
        answer = await client.post("/crm/unsubscribe?link=x", content=b"a=" + b"x" * 70_000)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        answer = await client.post("/crm/unsubscribe?link=x", data={"a": ["1"] * 1001})
        assert answer.status_code == 413
