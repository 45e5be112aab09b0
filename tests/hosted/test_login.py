"""A site sends its fan to our login page, gets a code back, and exchanges it for a session."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from fanfare.hosted import browser_sessions
from fanfare.hosted.actions.login_codes import forget_codes
from fanfare.kernel.data.db import Db
from fanfare.sessions.actions.budgets import PASSWORDS, Budget
from tests.api import Api
from tests.hosted.logins import SITE, code_in, exchange, login_url, mails, register_site, submit
from tests.hosted.pages import terms_in, token_in, visitor
from tests.sessions.logins import PASSWORD, fan_of, registered

TERMS = {"legal_terms": "Be kind to each other.", "legal_privacy": "https://northside.example/privacy"}


@pytest.fixture(scope="module", autouse=True)
async def site(api: Api) -> None:
    await register_site(api)


async def session_of(api: Api, answer: httpx.Response) -> Any:
    """Return the session that the site gets for the code in a redirect."""
    return await api.ok(await exchange(api, code_in(answer)))


async def test_a_fan_registers_and_the_site_gets_a_session(api: Api, base_url: str, db: Db) -> None:
    url = login_url(api, "/crm/oauth/register", state="a b&c=%2F", seat="A12")
    fields = {"first_name": "Ada", "last_name": "Okoro", "email": "ada@example.org", "password": PASSWORD}
    async with visitor(base_url) as client:
        answer = await submit(client, url, **fields, is_subscribed="true")
        session = await session_of(api, answer)
        returned = parse_qsl(urlsplit(answer.headers["location"]).query)
    assert returned[:2] == [("state", "a b&c=%2F"), ("seat", "A12")]
    assert [name for name, _ in returned] == ["state", "seat", "code"]
    assert session.keys() == {"session_uid", "fan_id", "account_id", "props", "expiration_timestamp"}
    fan = await api.ok(await fan_of(api, session["session_uid"]))
    assert (fan["first_name"], fan["email"], fan["is_subscribed"], fan["is_phone_subscribed"]) == (
        "Ada", "ada@example.org", True, False,
    )  # fmt: skip
    rows = await db.rows(
        "select channel, consent_source, wording from consents where account_id = $1 and fan_id = $2",
        api.account_id,
        session["fan_id"],
    )
    assert [(row["channel"], row["consent_source"]) for row in rows] == [("email", "login page")]
    assert rows[0]["wording"].startswith("Yes, news and offers from")
    # In one transaction with the fan: neither is there without the other.
    together = """
        select bool_and(i.xmin::text = c.xmin::text) from fan_identifiers i join consents c using (account_id, fan_id)
        where account_id = $1 and fan_id = $2
    """
    assert await db.value(together, api.account_id, session["fan_id"]) is True


async def test_a_fan_logs_in_by_password_and_stays_logged_in_here(api: Api, base_url: str) -> None:
    bob = await registered(api, "bob@example.org", first_name="Bob")
    async with visitor(base_url) as client:
        answer = await submit(client, login_url(api), contact="bob@example.org", password=PASSWORD)
        session = await session_of(api, answer)
        assert session["fan_id"] == bob["fan_id"]
        # The browser's own session is another than the site's.
        cookie = client.cookies[f"fanfare-session-{api.account_id}"]
        assert cookie not in (session["session_uid"], bob["session_uid"])
        page = await client.get(login_url(api))
        assert "Continue as Bob" in page.text
        answer = await submit(client, login_url(api), "/crm/oauth/continue")
        second = await session_of(api, answer)
        assert (second["fan_id"], second["session_uid"] != session["session_uid"]) == (bob["fan_id"], True)
        # The site may ask for a login all the same.
        assert 'name="password"' in (await client.get(login_url(api, login="again"))).text
        # A new login ends the session that the browser had.
        await submit(client, login_url(api, login="again"), contact="bob@example.org", password=PASSWORD)
        assert client.cookies[f"fanfare-session-{api.account_id}"] != cookie
        assert (await fan_of(api, cookie)).status_code == 404
        await submit(client, login_url(api), "/crm/oauth/log_out")
        assert 'name="password"' in (await client.get(login_url(api))).text
    assert (await fan_of(api, second["session_uid"])).status_code == 200, "the site's session goes on"


async def test_a_fan_logs_in_with_a_code(api: Api, base_url: str, db: Db, gateways: Any) -> None:
    mailbox, _ = gateways
    await registered(api, "cleo@example.org")
    async with visitor(base_url) as client:
        answer = await submit(client, login_url(api), contact="cleo@example.org", is_code="true")
        assert answer.status_code == 303
        entry = answer.headers["location"]
        assert "cleo" not in entry
        page = await client.get(entry)
        assert "We have sent it to cleo@example.org." in page.text
        (mail,) = await mails(db, api, mailbox)
        (code,) = re.findall(r"\b\d{6}\b", str(mail["subject"]))
        wrong = await submit(client, entry, verification_code="000000" if code != "000000" else "000001")
        assert wrong.status_code == 422
        assert "This code is wrong." in wrong.text
        await session_of(api, await submit(client, entry, verification_code=code))
        # The code is gone from the browser.
        assert (await client.get(entry)).status_code == 303


@asynccontextmanager
async def business_with_terms(api: Api) -> AsyncIterator[int]:
    """Give the only business of the account."""
    saved = await api.ok(await api.post("/api/v1/manage/businesses", business_name="Northside FC", **TERMS))
    yield saved["business_id"]
    await api.ok(await api.delete(f"/api/v1/manage/businesses/{saved['business_id']}"))


def pending_in(page: httpx.Response) -> str:
    """Return the step that waits in the form."""
    match = re.search(r'name="pending" value="([^"]+)"', page.text)
    assert match, page.text
    return match[1]


async def test_terms_are_accepted_in_the_middle_of_a_login(api: Api, base_url: str) -> None:
    dana = await registered(api, "dana@example.org")
    terms = login_url(api, "/crm/oauth/terms")
    async with business_with_terms(api), visitor(base_url) as client, visitor(base_url) as other:
        page = await submit(client, login_url(api), contact="dana@example.org", password=PASSWORD)
        assert page.status_code == 200
        assert "Be kind to each other." in page.text
        assert 'href="https://northside.example/privacy"' in page.text
        assert PASSWORD not in page.text
        pending = pending_in(page)
        fields = {"form_token": token_in(page), **terms_in(page), "pending": pending}
        again = await client.post(terms, data=fields)
        assert again.status_code == 422
        assert "Please accept these texts" in again.text
        # The step belongs to this browser, and to none without it.
        foreign = {"form_token": token_in(await other.get(login_url(api))), **terms_in(page), "is_accepted": "true"}
        assert (await other.post(terms, data={**foreign, "pending": pending})).status_code == 403
        assert (await other.post(terms, data={**foreign, "pending": "x"})).status_code == 403
        answer = await other.post(terms, data=foreign)
        assert answer.headers["location"].startswith("/crm/oauth?")
        answer = await client.post(terms, data={**fields, "is_accepted": "true"})
        assert (await session_of(api, answer))["fan_id"] == dana["fan_id"]


async def test_terms_that_change_are_accepted_again(api: Api, base_url: str) -> None:
    drew = await registered(api, "drew@example.org")
    terms = login_url(api, "/crm/oauth/terms")
    async with visitor(base_url) as client:
        await submit(client, login_url(api), contact="drew@example.org", password=PASSWORD)
        async with business_with_terms(api):
            page = await submit(client, login_url(api), "/crm/oauth/continue")
            assert "Be kind to each other." in page.text
            fields = {"form_token": token_in(page), **terms_in(page), "is_accepted": "true"}
            answer = await client.post(terms, data=fields)
            assert (await session_of(api, answer))["fan_id"] == drew["fan_id"]
            code_in(await submit(client, login_url(api), "/crm/oauth/continue"))


async def test_a_new_fan_accepts_the_terms_at_once(api: Api, base_url: str) -> None:
    new = {"email": "dora@example.org", "password": PASSWORD}
    url = login_url(api, "/crm/oauth/register")
    async with business_with_terms(api), visitor(base_url) as client:
        page = await submit(client, url, **new)
        assert (page.status_code, "Please accept these texts" in page.text) == (422, True)
        await session_of(api, await submit(client, url, **new, is_accepted="true"))


async def test_errors_stand_at_their_fields_and_keep_what_was_typed(api: Api, base_url: str) -> None:
    await registered(api, "eve@example.org", phone="+16045550177")
    register, login = login_url(api, "/crm/oauth/register"), login_url(api)
    refused = {"email": "eve@example.org", "password": PASSWORD, "first_name": "Evelyn"}
    cases = [
        (login, {"contact": "nobody@example.org", "password": PASSWORD}, "password", "The email address, number or"),
        (login, {"contact": "eve@example.org", "password": "wrong horse"}, "password", "The email address, number or"),
        (login, {"contact": "eve@@example", "password": PASSWORD}, "contact", "Enter an email address, or a mobile"),
        (login, {"contact": "12", "password": PASSWORD}, "contact", "Enter an email address, or a mobile number"),
        (login, {"contact": "eve@example.org"}, "password", "Please fill this in."),
        (login, {"password": PASSWORD}, "contact", "Please fill this in."),
        (login, {"contact": "12", "is_code": "true"}, "contact", "Enter an email address, or a mobile number"),
        (login_url(api, "/crm/oauth/code"), {"contact": "12"}, "contact", "Enter an email address, or a mobile number"),
        (register, {"email": "ida@example.org", "password": "short"}, "password", "Use at least 8 characters"),
        (register, {"email": "x", "password": PASSWORD}, "email", "Enter an email address, such as"),
        (register, {"phone": "12", "password": PASSWORD}, "phone", "Enter a mobile number with"),
        (register, {"password": PASSWORD}, "email", "Please fill this in."),
        (register, refused, "email", "There is an account with this already."),
        (register, {**refused, "email": "ida@example.org", "phone": "+16045550177"}, "phone", "Somebody else"),
    ]  # fmt: skip
    async with visitor(base_url) as client:
        for url, fields, name, text in cases:
            page = await submit(client, url, **fields)
            assert page.status_code == 422, (fields, page.headers)
            fault = re.search(rf'id="{name}-fault">.*?</p>', page.text, re.DOTALL)
            assert fault, (fields, page.text)
            assert text in fault[0], fields
            for key, value in fields.items():
                assert (f'value="{value}"' in page.text) == (key != "password"), (fields, key)
            assert PASSWORD not in page.text


async def test_wrong_passwords_are_counted_as_those_of_connect(
    api: Api, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registered(api, "finn@example.org")
    few = Budget(PASSWORDS.name, 2, PASSWORDS.window)
    monkeypatch.setattr("fanfare.sessions.actions.connecting.PASSWORDS", few)
    wrong = {"contact": "finn@example.org", "password": "wrong horse"}
    async with visitor(base_url) as client:
        assert [(await submit(client, login_url(api), **wrong)).status_code for _ in range(2)] == [422, 422]
        page = await submit(client, login_url(api), **wrong)
        assert page.status_code == 429
        assert int(page.headers["retry-after"]) > 0
        assert "Too many attempts." in page.text
        assert 'value="finn@example.org"' in page.text
    answer = await api.public_post(
        "/api/v1/sessions/connect", network="password", email="finn@example.org", password=PASSWORD
    )
    assert answer.status_code == 429, "the same budget"


async def test_a_banned_address_cannot_log_in(api: Api, base_url: str) -> None:
    await registered(api, "gail@example.org")
    await api.ok(await api.post("/api/v1/crm/ip_addresses", ip_address="127.0.0.1", is_blocked=True))
    try:
        async with visitor(base_url) as client:
            answer = await submit(client, login_url(api), contact="gail@example.org", password=PASSWORD)
            assert answer.status_code == 403
    finally:
        await api.ok(await api.delete("/api/v1/crm/ip_addresses", ip_address="127.0.0.1", is_blocked=True))


async def test_forms_of_the_login_need_the_token_of_this_browser(api: Api, base_url: str) -> None:
    await registered(api, "hugo@example.org")
    fields = {"contact": "hugo@example.org", "password": PASSWORD}
    async with visitor(base_url) as client, visitor(base_url) as other:
        foreign = token_in(await other.get(login_url(api)))
        for path in ("", "/continue", "/log_out", "/terms", "/register", "/code", "/code/enter"):
            for token in ({}, {"form_token": foreign}):
                answer = await client.post(login_url(api, f"/crm/oauth{path}"), data={**fields, **token})
                assert answer.status_code == 403, path
        assert not [name for name in client.cookies if "session" in name]


async def test_a_login_leads_to_the_path_that_we_sealed(api: Api, base_url: str) -> None:
    await registered(api, "ines@example.org")
    url = browser_sessions.login_url(api.account_id, None, "/crm/preferences?link=x")
    async with visitor(base_url) as client:
        answer = await submit(client, url, contact="ines@example.org", password=PASSWORD)
        assert answer.headers["location"] == "/crm/preferences?link=x"
        assert (await submit(client, url, "/crm/oauth/continue")).headers["location"] == "/crm/preferences?link=x"
        for wrong in (url[:-1], url.replace("next=", "next=x"), f"/crm/oauth?account_id={api.account_id}&next=/"):
            page = await client.get(wrong)
            assert (page.status_code, "location" in page.headers) == (422, False)


async def business_with_header(api: Api, name: str) -> int:
    look = {"style_props": {"brand_color": "#00a6a6"}, "locale_props": {"header_text": f"Fans of {name} first"}}
    saved = await api.ok(await api.post("/api/v1/manage/businesses", business_name=name, **look))
    business_id: int = saved["business_id"]
    return business_id


async def test_the_page_speaks_for_the_business(api: Api, base_url: str) -> None:
    ids = [await business_with_header(api, name) for name in ("Tideline <i>", "Harbour")]
    try:
        async with visitor(base_url) as client:
            assert (await client.get(login_url(api))).status_code == 422, "which business?"
            page = await client.get(login_url(api, business_id=ids[0], language="de"))
            assert "Fans of Tideline &lt;i&gt; first" in page.text
            assert "--brand: #00a6a6" in page.text
            assert '<html lang="de"' in page.text
            assert "Passwort vergessen?" in page.text
            assert f"https://{urlsplit(SITE).netloc}" in page.headers["content-security-policy"]
            for path, begin in (("register", "register"), ("code", "code"), ("facebook", None)):
                answer = await client.get(login_url(api, business_id=ids[0], login_type=path))
                assert answer.status_code == (303 if begin else 200)
                if begin:
                    assert answer.headers["location"].startswith(f"/crm/oauth/{begin}?")
                    assert "login_type" not in answer.headers["location"]
    finally:
        for each in ids:
            await api.ok(await api.delete(f"/api/v1/manage/businesses/{each}"))


async def test_many_or_long_parameters_are_refused(api: Api, base_url: str) -> None:
    async with visitor(base_url) as client:
        for query in ({"state": "x" * 5000}, {f"p{number}": "1" for number in range(21)}):
            assert (await client.get(login_url(api, **query))).status_code == 422
        double = f"{login_url(api)}&redirect_url=https%3A%2F%2Fevil.example"
        assert (await client.get(double)).status_code == 422
        assert (await client.get(f"{login_url(api)}&account_id={api.account_id + 1}")).status_code == 422
        assert (await client.get(login_url(api, state="x\r\nSet-Cookie: a=b"))).status_code == 200
        # Each value of a repeated parameter goes back; those of ours do not.
        await registered(api, "jude@example.org")
        url = f"{login_url(api, state='1')}&seat=A&seat=B&code=stolen&api_secret=x&empty="
        answer = await submit(client, url, contact="jude@example.org", password=PASSWORD)
        pairs = parse_qsl(urlsplit(answer.headers["location"]).query, keep_blank_values=True)
        assert pairs[:-1] == [("state", "1"), ("seat", "A"), ("seat", "B"), ("empty", "")]
        assert (pairs[-1][0], pairs[-1][1] != "stolen") == ("code", True)


async def code_of(api: Api, base_url: str, name: str) -> str:
    """Return a code for a new fan."""
    await registered(api, f"{name}@example.org")
    async with visitor(base_url) as client:
        return code_in(await submit(client, login_url(api), contact=f"{name}@example.org", password=PASSWORD))


def errors(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [each["field"] for each in answer.json()["errors"]]


async def test_a_code_is_exchanged_by_its_own_site_alone(api: Api, other_api: Api, base_url: str) -> None:
    code = await code_of(api, base_url, "kit")
    await register_site(api, f"{SITE}2")
    assert errors(await exchange(api, code, redirect_url=f"{SITE}2")) == ["redirect_url"]
    assert errors(await exchange(api, code, account_id=other_api.account_id)) == ["account_id"]
    assert errors(await exchange(other_api, code)) == ["code"]
    assert errors(await exchange(other_api, code, account_id=api.account_id)) == ["account_id"]
    refused = await exchange(api, "x")
    assert errors(refused) == ["code"]
    none = await api.client.post("/crm/access_token", json={"api_secret": api.keys["Api-Secret"]})
    assert errors(none) == ["code", "account_id", "redirect_url"]
    public: dict[str, Any] = {
        "api_key": api.keys["Api-Key"],
        "code": code,
        "account_id": api.account_id,
        "redirect_url": SITE,
    }
    assert (await api.client.post("/crm/access_token", json=public)).status_code == 403
    assert (await api.client.post("/crm/access_token", json={**public, "api_key": ""})).status_code == 401
    # An older client: GET, with the secret in api_key.
    answer = await api.client.get("/crm/access_token", params={**public, "api_key": api.keys["Api-Secret"]})
    assert (await api.ok(answer))["account_id"] == api.account_id
    posted = await exchange(api, await code_of(api, base_url, "kai"))
    assert (await api.ok(posted))["account_id"] == api.account_id
    assert [each.headers.get("cache-control") for each in (refused, answer, posted)] == ["no-store"] * 3


async def test_a_code_that_comes_again_ends_its_session(api: Api, base_url: str) -> None:
    code = await code_of(api, base_url, "lea")
    session = await api.ok(await exchange(api, code))
    assert (await fan_of(api, session["session_uid"])).status_code == 200
    answer = await exchange(api, code)
    assert errors(answer) == ["code"]
    assert "ended" in answer.json()["detail"]
    assert (await fan_of(api, session["session_uid"])).status_code == 404
    assert errors(await exchange(api, code)) == ["code"]


async def test_of_many_exchanges_at_once_one_succeeds(api: Api, base_url: str) -> None:
    code = await code_of(api, base_url, "mia")
    answers = await asyncio.gather(*(exchange(api, code) for _ in range(12)))
    assert sorted(each.status_code for each in answers) == [200] + [422] * 11


async def test_a_code_ends_after_a_minute_and_with_the_login(api: Api, base_url: str, db: Db) -> None:
    code = await code_of(api, base_url, "nora")
    await db.execute(
        "update login_codes set expires_at = expires_at - interval '61 seconds' where account_id = $1",
        api.account_id,
    )
    assert errors(await exchange(api, code)) == ["code"]
    olga = await registered(api, "olga@example.org")
    async with visitor(base_url) as client:
        code = code_in(await submit(client, login_url(api), contact="olga@example.org", password=PASSWORD))
    await api.ok(await api.delete(f"/api/v1/manage/fans/{olga['fan_id']}/sessions"))
    assert errors(await exchange(api, code)) == ["code"]


async def test_codes_are_stored_as_hashes_and_forgotten(api: Api, base_url: str, db: Db) -> None:
    code = await code_of(api, base_url, "pia")
    rows = await db.rows("select * from login_codes where account_id = $1", api.account_id)
    assert rows
    assert not any(code in str(value) for row in rows for value in row.values())
    await forget_codes(db, api.account_id, datetime.now(UTC) + timedelta(days=2))
    assert await db.value("select count(*) from login_codes where account_id = $1", api.account_id) == 0
