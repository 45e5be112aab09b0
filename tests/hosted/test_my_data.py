"""A fan who is logged in sees what is stored, changes it, takes it along, and ends sessions elsewhere."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from fanfare.fans.queries import export
from fanfare.hosted.browser_sessions import next_path
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.hosted.logins import submit
from tests.hosted.pages import token_in, visitor
from tests.identities.logins import accept_provider, identities, login
from tests.identity_provider import identity_provider
from tests.sessions import logins
from tests.sessions.logins import PASSWORD, connect, fan_of, try_connect

# Rows are written without their totals.
FILLS_TABLES = True

HOME = "/crm/my_data"


@asynccontextmanager
async def browser(base_url: str, api: Api, session: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which the fan of a session is logged in; it opens pages of the fan's account."""
    cookies = httpx.Cookies()
    if session:
        # With the host, so that a login replaces it.
        host = urlsplit(base_url).hostname or ""
        cookies.set(f"fanfare-session-{api.account_id}", session["session_uid"], domain=host)

    async def name_account(request: httpx.Request) -> None:
        if "account_id" not in request.url.params:
            request.url = request.url.copy_add_param("account_id", str(api.account_id))

    hooks = {"request": [name_account]}
    async with visitor(base_url, cookies=cookies, event_hooks=hooks) as client:
        yield client


async def send(client: httpx.AsyncClient, page: str, path: str | None = None, **fields: Any) -> httpx.Response:
    """Send a form of a page, to its own path or another."""
    opened = await client.get(page)
    assert opened.status_code == 200, opened.text
    return await client.post(path or page, data={"form_token": token_in(opened), **fields})


async def registered(api: Api, email: str, **values: Any) -> Any:
    """Return the session of a new fan whose address is confirmed."""
    session = await logins.registered(api, email, **values)
    await api.ok(await api.post(f"/api/v1/crm/fans/{session['fan_id']}", is_confirmed=True))
    return session


async def age(db: Db, api: Api, session: Any) -> None:
    """Let the fan have logged in eleven minutes ago."""
    sql = (
        "update sessions set authenticated_at = authenticated_at - interval '11 minutes'"
        " where account_id = $1 and fan_id = $2"
    )
    await db.execute(sql, api.account_id, session["fan_id"])


async def test_ada_sees_what_is_stored(api: Api, base_url: str) -> None:
    await api.ok(await api.post("/api/v1/manage/fields", crm_field_key="seat", field_type="text"))
    ada = await registered(api, "ada@example.org", first_name="Ada", last_name="<Ng>")
    fan_id = ada["fan_id"]
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}", field_seat="A12", phone="+16045550111"))
    await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name="Loud", action="add", fan_ids=[fan_id]))
    for number in range(7):
        await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}/activities", campaign_title=f"Quiz {number}"))
    identity = {"network": "yinzcam", "identifier_value": "yz-17"}
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/identifiers", **identity))
    point = await api.ok(await api.post("/api/v1/manage/points", point_name="Miles"))
    await api.ok(await api.post("/api/v1/crm/fan_points", **point, fan_id=fan_id, point_count=1234))
    async with browser(base_url, api, ada) as client:
        page = await client.get(HOME)
        assert page.status_code == 200, page.text
        for text in (
            "Ada &lt;Ng&gt;", "ada@example.org", "+16045550111", "seat=A12", "Loud", "Activities: 7", "Quiz 6",
            "yz-17", "Miles", "1,234", "this browser",
        ):  # fmt: skip
            assert text in page.text, text
        assert "Quiz 0" not in page.text, "only the latest"
        assert "the download has all of them" in page.text
        german = await client.get(HOME, params={"account_id": api.account_id, "language": "de"})
        assert "Meine Daten" in german.text
        assert "1.234" in german.text
    assert page.headers["cache-control"] == "no-store"


PAGES = {
    HOME: "GET",
    f"{HOME}/name": "GET",
    f"{HOME}/consents": "GET",
    f"{HOME}/password": "GET",
    f"{HOME}/download": "GET",
}
FRESH_PAGES = [f"{HOME}/password", f"{HOME}/download", f"{HOME}/erasure"]


@pytest.mark.parametrize("path", PAGES)
async def test_who_is_not_logged_in_is_led_to_the_login_and_back(
    api: Api, other_api: Api, base_url: str, path: str
) -> None:
    eve = await registered(other_api, f"eve{list(PAGES).index(path)}@example.org")
    guest = await connect(api)
    for session in (None, eve, guest):
        async with browser(base_url, api, session) as client:
            answer = await client.get(path)
            assert answer.status_code == 303
            query = parse_qs(urlsplit(answer.headers["location"]).query)
            assert query["account_id"] == [str(api.account_id)]
            assert next_path(query["next"][0]) == f"{path}?account_id={api.account_id}"
    async with browser(base_url, api, None) as client:
        assert (await client.get(HOME, params={"account_id": 10**12})).status_code == 404


@pytest.mark.parametrize("path", FRESH_PAGES)
async def test_what_is_dangerous_needs_a_fresh_login(api: Api, db: Db, base_url: str, path: str) -> None:
    ben = await registered(api, f"ben{FRESH_PAGES.index(path)}@example.org")
    async with browser(base_url, api, ben) as client:
        opened = await client.get(path)
        assert opened.status_code == 200
        await age(db, api, ben)
        fields = {"form_token": token_in(opened), "password": "another password"}
        for answer in (await client.get(path), await client.post(path, data=fields)):
            assert answer.status_code == 303
            query = parse_qs(urlsplit(answer.headers["location"]).query)
            assert query["login"] == ["again"]
            assert next_path(query["next"][0]) == f"{path}?account_id={api.account_id}"
        assert (await client.get(HOME)).status_code == 200
    assert (
        await try_connect(api, "password", email=f"ben{FRESH_PAGES.index(path)}@example.org", password=PASSWORD)
    ).is_success


async def test_the_login_page_leads_on_to_the_download(api: Api, db: Db, base_url: str) -> None:
    kit = await registered(api, "kit@example.org")
    await age(db, api, kit)
    async with browser(base_url, api, kit) as client:
        login = (await client.get(f"{HOME}/download")).headers["location"]
        answer = await submit(client, login, contact="kit@example.org", password=PASSWORD)
        assert answer.headers["location"] == f"{HOME}/download?account_id={api.account_id}"
        assert (await client.get(answer.headers["location"])).status_code == 200
    assert (await fan_of(api, kit["session_uid"])).status_code == 404, "the session of before is over"


async def test_cleo_changes_the_name_and_the_password(api: Api, base_url: str) -> None:
    cleo = await registered(api, "cleo@example.org", first_name="Cleo", last_name="Old")
    other = await connect(api, "password", email="cleo@example.org", password=PASSWORD)
    async with browser(base_url, api, cleo) as client:
        answer = await send(client, f"{HOME}/name", first_name="Cléo", last_name="")
        assert answer.headers["location"] == f"{HOME}?account_id={api.account_id}&is_saved=true"
        assert "Saved." in (await client.get(answer.headers["location"])).text
        fan = await api.ok(await api.get(f"/api/v1/crm/fans/{cleo['fan_id']}"))
        assert (fan["first_name"], fan["last_name"]) == ("Cléo", None)
        weak = await send(client, f"{HOME}/password", password="short")
        assert weak.status_code == 422
        assert "Use at least 8 characters, and not your email address or number." in weak.text
        assert 'value="short"' not in weak.text
        assert (await fan_of(api, other["session_uid"])).status_code == 200
        assert (await send(client, f"{HOME}/password", password="much longer words")).status_code == 303
        assert (await client.get(HOME)).status_code == 200, "stays logged in here"
    assert (await fan_of(api, other["session_uid"])).status_code == 404
    assert (await try_connect(api, "password", email="cleo@example.org", password=PASSWORD)).status_code == 422
    await connect(api, "password", email="cleo@example.org", password="much longer words")


async def test_dana_chooses_what_we_send(api: Api, db: Db, base_url: str) -> None:
    answer = await api.post("/api/v1/manage/businesses", business_name="Northside Women")
    business_id = (await api.ok(answer))["business_id"]
    dana = await registered(api, "dana@example.org")
    async with browser(base_url, api, dana) as client:
        fields = {"email": "true", "business_ids[]": str(business_id)}
        answer = await send(client, f"{HOME}/consents", **fields)
        page = await client.get(answer.headers["location"])
        assert "Saved." in page.text
        assert 'name="email" value="true" checked' in page.text
    rows = await db.rows(
        "select channel, is_granted, consent_source, wording from consents where account_id = $1 and fan_id = $2"
        " order by channel",
        api.account_id,
        dana["fan_id"],
    )
    assert [(row["channel"], row["is_granted"], row["consent_source"]) for row in rows] == [
        ("business", True, "my data page"), ("email", True, "my data page"),
    ]  # fmt: skip
    assert all(row["wording"].startswith("You may send me") for row in rows)


async def test_finn_logs_out_elsewhere_and_everywhere(api: Api, base_url: str) -> None:
    finn = await registered(api, "finn@example.org")
    gail = await registered(api, "gail@example.org")
    phone, tablet = [await connect(api, "password", email="finn@example.org", password=PASSWORD) for _ in range(2)]

    async def number(session: Any) -> int:
        rows = await api.ok(await api.get(f"/api/v1/manage/fans/{session['fan_id']}/sessions"))
        return int(rows[0]["session_id"])

    async with browser(base_url, api, finn) as client:
        foreign = await send(client, HOME, f"{HOME}/sessions", session_id=await number(gail))
        assert foreign.status_code == 404
        assert (await fan_of(api, gail["session_uid"])).status_code == 200
        await send(client, HOME, f"{HOME}/sessions", session_id=await number(tablet))
        assert (await fan_of(api, tablet["session_uid"])).status_code == 404
        assert (await fan_of(api, phone["session_uid"])).status_code == 200
        answer = await send(client, HOME, f"{HOME}/sessions")
        assert "Max-Age=0" in answer.headers["set-cookie"] or "1970" in answer.headers["set-cookie"]
        assert (await client.get(HOME)).status_code == 303
    for session in (finn, phone):
        assert (await fan_of(api, session["session_uid"])).status_code == 404


async def test_identities_have_names_though_their_provider_is_gone(api: Api, db: Db, base_url: str) -> None:
    ivo = await registered(api, "ivo@example.org")
    for issuer in ("https://accounts.google.com", "https://login.elsewhere.example/realms/fans"):
        await db.execute(
            "insert into fan_identities (account_id, identity_id, issuer, subject, fan_id, created_at, used_at)"
            " values ($1, nextval('positions'), $2, 'ivo', $3, now(), now())",
            api.account_id,
            issuer,
            ivo["fan_id"],
        )
    async with browser(base_url, api, ivo) as client:
        page = (await client.get(HOME)).text
    assert "<strong>Google</strong>" in page
    assert "<strong>login.elsewhere.example</strong>" in page


async def test_iris_takes_back_the_login_at_another_service(api: Api, db: Db, base_url: str) -> None:
    with identity_provider() as provider:
        await accept_provider(api, provider, title="Northside <ID>")
        iris = await login(api, provider, provider.token(sub="iris", auth_time=int(datetime.now(UTC).timestamp())))
        jack = await login(api, provider, provider.token(sub="jack"))
        ((iris_id,), (jack_id,)) = [
            [each["identity_id"] for each in await identities(api, fan["fan_id"])] for fan in (iris, jack)
        ]
        async with browser(base_url, api, iris) as client:
            page = await client.get(HOME)
            assert "Northside &lt;ID&gt;" in page.text
            path = f"{HOME}/identities"
            assert (await send(client, HOME, path, identity_id=jack_id)).status_code == 404
            await age(db, api, iris)
            assert "/crm/oauth" in (await send(client, HOME, path, identity_id=iris_id)).headers["location"]
            assert len(await identities(api, iris["fan_id"])) == 1
        iris = await login(api, provider, provider.token(sub="iris", auth_time=int(datetime.now(UTC).timestamp())))
        async with browser(base_url, api, iris) as client:
            answer = await send(client, HOME, path, identity_id=iris_id)
            page = await client.get(answer.headers["location"])
            assert ("Saved." in page.text, "Northside &lt;ID&gt;" in page.text) == (True, False)
        assert await identities(api, iris["fan_id"]) == []
        assert len(await identities(api, jack["fan_id"])) == 1
        again = await login(api, provider, provider.token(sub="iris", auth_time=int(datetime.now(UTC).timestamp())))
        assert again["fan_id"] != iris["fan_id"]


@pytest.mark.parametrize("in_memory", [export.MAX_IN_MEMORY, 1])
async def test_hugo_takes_everything_along(
    api: Api, db: Db, base_url: str, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(export, "MAX_IN_MEMORY", in_memory)
    email = f"hugo{in_memory}@example.org"
    hugo = await registered(api, email)
    await db.execute(
        "insert into activities (account_id, activity_id, fan_id, created_at)"
        " select $1, nextval('positions'), $2, $3 from generate_series(1, 1203)",
        api.account_id,
        hugo["fan_id"],
        datetime.now(UTC) - timedelta(days=1),
    )
    expected = await api.ok(await api.get(f"/api/v1/manage/fans/{hugo['fan_id']}/export"))
    async with browser(base_url, api, hugo) as client:
        answer = await send(client, f"{HOME}/download")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-disposition"].startswith('attachment; filename="my-data-20')
        assert answer.headers["cache-control"] == "no-store"
        result = answer.json()
        assert "Activities: 1,203" in (await client.get(HOME)).text
    assert len(result["tables"]["activities"]) == 1203
    for each in (result, expected):
        each.pop("export_timestamp")
        # The page notes that the session is used.
        each["tables"].pop("sessions")
        each["tables"].pop("changes")
    assert result == expected
    assert PASSWORD not in json.dumps(result)


async def test_a_form_of_another_site_changes_nothing(api: Api, base_url: str) -> None:
    ines = await registered(api, "ines@example.org", first_name="Ines")
    async with browser(base_url, api, ines) as client:
        for path in ("name", "password", "consents", "sessions", "download"):
            fields = {"first_name": "Eve", "password": "much longer words", "is_nothing": "true"}
            answer = await client.post(f"{HOME}/{path}", data=fields, headers={"Origin": "https://evil.example"})
            assert answer.status_code == 403, path
        page = await client.get(HOME)
    assert "Ines" in page.text


@pytest.mark.parametrize("path", [HOME, f"{HOME}/name", f"{HOME}/download", f"{HOME}/erasure"])
async def test_who_has_not_shown_whose_the_address_is_sees_nothing_of_it(api: Api, base_url: str, path: str) -> None:
    """Imports are stored of the fan with the address; whoever registered first need not be its owner."""
    email = f"unproven{len(path)}@example.org"
    mallory = await logins.registered(api, email)
    async with browser(base_url, api, mallory) as client:
        answer = await client.get(path)
        assert answer.status_code == 303, answer.text
        location = answer.headers["location"]
        query = parse_qs(urlsplit(location).query)
        assert (query["login"], query["login_type"]) == (["again"], ["code"])
        assert next_path(query["next"][0]) == f"{path}?account_id={api.account_id}"
        assert email not in location
        code_page = await client.get(location, follow_redirects=True)
        assert code_page.url.path == "/crm/oauth/code"
        assert email in code_page.text
        for open_page in (f"{HOME}/consents", f"{HOME}/password"):
            assert (await client.get(open_page)).status_code == 200
        token = token_in(await client.get(f"{HOME}/consents"))
        for form in (f"{HOME}/download", f"{HOME}/erasure"):
            refused = await client.post(form, data={"form_token": token, "is_confirmed": "true"})
            assert refused.headers["location"].startswith("/crm/oauth?")


async def test_a_fan_downloads_ten_times_in_an_hour(api: Api, base_url: str) -> None:
    jo = await registered(api, "jo@example.org")
    async with browser(base_url, api, jo) as client:
        answers = [await send(client, f"{HOME}/download") for _ in range(11)]
    assert [each.status_code for each in answers] == [200] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 3000
