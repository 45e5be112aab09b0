"""S10: the login page leads back to registered URLs alone, compared character by character."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from fanfare.hosted.actions import redirect_urls as actions
from fanfare.hosted.schemas.redirect_urls import RedirectUrlForm
from fanfare.kernel.data import limits
from tests.api import Api
from tests.hosted.logins import SITE, login_url, register_site, submit
from tests.hosted.pages import token_in, visitor
from tests.sessions.logins import PASSWORD, registered

HOST = "www.northside.example"
PATH = "/login"
# The page in other languages has the same query.
OUR_LINKS = re.compile(r'href="/crm/oauth[^"]*"')
# Words of any page.
SHORT = 10
OTHER_HOSTS = (
    "evil.example", "www.northside.example.evil.example", "northside.example", "wwww.northside.example",
    "www-northside.example", "www.northside.exampl", "www.northside.example.", "WWW.northside.example",
    "www.Northside.example", "www.n\u043erthside.example", "www.northside\u3002example", "www.northside\uff0eexample",
    "www.northside.ex\u00e4mple", "xn--www-northside.example", "www.northside.example%2eevil.example", "127.0.0.1",
    "[::1]", "0x7f000001", "2130706433", "localhost", "www.northside.example%00.evil.example",
    "www.northside.example\t.evil.example", "www.northside.example\n.evil.example",
    "evil.example#www.northside.example",
    "evil.example?www.northside.example", "evil.example\\www.northside.example", "evil.example/www.northside.example",
    "www.northside.example:443", "www.northside.example:80", "www.northside.example:8443", "www.northside.example:",
    "www.northside.example:0443", "ada@www.northside.example", "ada:pw@www.northside.example",
    "www.northside.example@evil.example", "www.northside.example:x@evil.example", "@www.northside.example",
    "www.northside.example\\@evil.example", "www.northside.example%40evil.example",
    "\u24e6\u24e6\u24e6.northside.example",
)  # fmt: skip
OTHER_PATHS = (
    "", "/", "/Login", "/LOGIN", "/logi", "/login2", "/login/", "//login", "/./login", "/../login", "/x/../login",
    "/login/..", "/login/../x", "/login/.", "/%6cogin", "/%6Cogin", "/login%2f", "/login%2F..", "/%2e/login",
    "/%2e%2e/login", "/login%00", "/login%20", "/login ", " /login", "/login\t", "/login\n", "/login\r\nX: y",
    "/login;x", "/login;", "/login?", "/login?a=b", "/login?code=x", "/login?next=https://evil.example", "/login#",
    "/login#x", "/login#/evil", "/login&a=b", "\\login", "/login\\", "/login\\..", "/l\u00f6gin", "/log\u0131n",
    "/login\u200b", "/login\u202e", "/login\ufeff", "/login/%2e%2e", "/login'", '/login"', "/login<script>", "/login*",
)  # fmt: skip
SCHEMES = (
    "http", "HTTPS", "Https", "httpss", "ftp", "ws", "wss", "file", "javascript", "data", "vbscript", "blob", "about",
    "view-source:https", "intent", "app", "feed:https", "\thttps", " https", "\u00a0https", "https ", "java\nscript",
)  # fmt: skip
COMPLETE_URLS = (
    "javascript:alert(1)", "JavaScript:alert(1)", "java\tscript:alert(1)",
    "javascript://www.northside.example/%0aalert(1)",
    "javascript:alert(1)//https://www.northside.example/login", "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD4=", "vbscript:msgbox(1)", "file:///etc/passwd", "about:blank",
    "mailto:a@b.example",
    "tel:+16045550123", "//www.northside.example/login", "///www.northside.example/login", "////evil.example",
    "/\\evil.example", "\\\\evil.example", "/login", "login", "./login", "../login", "?a=b", "#x", "*",
    "www.northside.example/login", "https:www.northside.example/login", "https:/www.northside.example/login",
    "https:///www.northside.example/login", "https:\\\\www.northside.example\\login",
    "https//www.northside.example/login",
    "https://", "https:", "https://www.northside.example/login,https://evil.example",
    "https://www.northside.example/login https://evil.example",
    "https://evil.example/https://www.northside.example/login",
    "https://evil.example/?https://www.northside.example/login", "https://www.northside.example/loginhttps://evil.example",
    "https://www.northside.example/login%", "https://www.northside.example/login%0d%0aLocation:%20https://evil.example",
    "%68ttps://www.northside.example/login", "https%3A%2F%2Fwww.northside.example%2Flogin", "null", "undefined", "None",
    "{redirect_url}", "https://www.northside.example/login\x00", "\x00https://www.northside.example/login",
    "https://www.northside.example/login\x7f", "https://www.northside.example/" + "x" * 1900,
    "https://www.northside.example/login?" + "a" * 3000,
)  # fmt: skip


def vectors() -> Iterator[str]:
    """Yield addresses that are off by a little, or altogether."""
    yield from (f"https://{host}{PATH}" for host in OTHER_HOSTS)
    yield from (f"https://{HOST}{path}" for path in OTHER_PATHS)
    yield from (f"{scheme}://{HOST}{PATH}" for scheme in SCHEMES)
    yield from COMPLETE_URLS
    # Each letter left out, doubled and in the other case.
    for index in range(0, len(SITE), 2):
        yield SITE[:index] + SITE[index + 1 :]
        yield SITE[:index] + SITE[index] + SITE[index:]
        yield SITE[:index] + SITE[index].swapcase() + SITE[index + 1 :]


VECTORS = sorted(set(vectors()) - {SITE})


@pytest.fixture(autouse=True)
def unlimited_visits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The visits of all tests here come from one address, and most in one minute."""
    monkeypatch.setitem(limits.VISIT_LIMITS, limits.Visits.LOGIN, 10_000)


@pytest.fixture(scope="module", autouse=True)
async def site(api: Api) -> None:
    await register_site(api)
    await registered(api, "ada@example.org")


async def test_nothing_else_is_led_to_or_shown(api: Api, base_url: str) -> None:
    assert len(VECTORS) >= 200
    async with visitor(base_url) as client:
        right = await submit(client, login_url(api), contact="ada@example.org", password=PASSWORD)
        assert right.status_code == 303
        token = token_in(await client.get(login_url(api)))
        for vector in VECTORS:
            query = urlencode({"account_id": api.account_id, "redirect_url": vector})
            pages = [
                await client.get(f"/crm/oauth?{query}"),
                await client.post(f"/crm/oauth/continue?{query}", data={"form_token": token}),
            ]
            for page in pages:
                assert page.status_code == 422, vector
                assert "location" not in page.headers, vector
                hrefs = [part.partition('"')[0] for part in page.text.split('href="')[1:]]
                assert all(each.startswith(("/assets/", "/favicon.ico", "/crm/oauth")) for each in hrefs), vector
                text = OUR_LINKS.sub("", page.text)
                assert len(vector) < SHORT or html.escape(vector) not in text, vector
                assert "evil" not in page.headers["content-security-policy"]
        # Repeated, the right one beside another is none of both.
        double = urlencode(
            [("account_id", api.account_id), ("redirect_url", SITE), ("redirect_url", "https://e.example")]
        )
        assert (await client.get(f"/crm/oauth?{double}")).status_code == 422
        assert (await client.post(f"/crm/oauth/continue?{double}", data={"form_token": token})).status_code == 422


@pytest.mark.parametrize("vector", VECTORS)
def test_what_browsers_read_in_two_ways_cannot_be_registered(vector: str) -> None:
    try:
        text = RedirectUrlForm().read(vector)
    except ValueError:
        return
    # Those that are plain URLs are other places, or other names of a place.
    assert text == vector
    assert vector.isascii()
    assert vector.startswith(("https://", "http://localhost", "http://127.0.0.1", "http://[::1]"))
    assert not set('\\@#"<> \t\r\n\x00') & set(vector.partition("?")[0].replace("https://", "", 1).partition("/")[0])
    assert not set('\\#"<> \t\r\n\x00\x7f') & set(vector)


async def test_a_url_is_registered_listed_and_removed(api: Api, other_api: Api, base_url: str) -> None:
    url = "https://shop.example/callback?tenant=7"
    first = await register_site(api, url)
    assert await register_site(api, url) == first
    rows = await api.ok(await api.get("/api/v1/manage/redirect_urls"))
    (row,) = [each for each in rows if each["redirect_url_id"] == first]
    assert (row["redirect_url"], row["business_id"], row["account_id"]) == (url, None, api.account_id)
    assert abs(row["creation_timestamp"] - rows[0]["creation_timestamp"]) < timedelta(hours=1).total_seconds()
    assert await api.ok(await other_api.get("/api/v1/manage/redirect_urls")) == []
    async with visitor(base_url) as client:
        page = login_url(api, redirect_url=url)
        answer = await submit(client, page, contact="ada@example.org", password=PASSWORD)
        assert answer.headers["location"].startswith(f"{url}&code=")
        assert (await other_api.delete(f"/api/v1/manage/redirect_urls/{first}")).status_code == 404
        await api.ok(await api.delete(f"/api/v1/manage/redirect_urls/{first}"))
        assert (await api.delete(f"/api/v1/manage/redirect_urls/{first}")).status_code == 404
        assert (await client.get(page)).status_code == 422
        assert (await client.get(login_url(other_api))).status_code == 422, "each account has its own"


async def test_a_url_of_a_business_is_for_its_login_alone(api: Api, base_url: str) -> None:
    ids = [
        (await api.ok(await api.post("/api/v1/manage/businesses", business_name=name)))["business_id"]
        for name in ("Club", "Arena")
    ]
    url = "https://club.example/in"
    await register_site(api, url, business_id=ids[0])
    async with visitor(base_url) as client:
        statuses = [(await client.get(login_url(api, redirect_url=url, business_id=each))).status_code for each in ids]
        assert statuses == [200, 422]
        for each in ids:
            await api.ok(await api.delete(f"/api/v1/manage/businesses/{each}"))
        assert (await client.get(login_url(api, redirect_url=url))).status_code == 422, "it went with its business"


@pytest.mark.parametrize(
    "url",
    ["https://a.example", "https://a.example/", "https://a.example:8443/x?y=z", "http://localhost:3000/in",
     "http://127.0.0.1/in", "http://[::1]:80/in", "https://xn--bcher-kva.example/in", "https://a.example/?x=https://b.c/"],
)  # fmt: skip
def test_what_can_be_registered(url: str) -> None:
    assert RedirectUrlForm().read(url) == url


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://a.example:8443/x;y,z?y=z;q", "https://a.example:8443"),
        ("http://[::1]:3000/in", "http://*:3000"),
        ("http://[::1]/in", "http://*"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
    ],
)
async def test_the_policy_of_the_form_names_where_it_leads(api: Api, base_url: str, url: str, source: str) -> None:
    await register_site(api, url)
    async with visitor(base_url) as client:
        policy = (await client.get(login_url(api, redirect_url=url))).headers["content-security-policy"]
    (directive,) = [each.strip() for each in policy.split(";") if each.strip().startswith("form-action")]
    assert directive == f"form-action 'self' {source}"
    # The grammar of CSP, 2.3.1: browsers ignore a source that has another form, such as one with [::1].
    assert re.fullmatch(r"https?://(\*|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*)(:([0-9]+|\*))?", source)


async def test_what_cannot_be_registered_is_said(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: list[dict[str, Any]] = [
        {"redirect_url": "https://evil.example\\@www.northside.example/"},
        {"redirect_url": ["https://a.example"]},
        {"redirect_url": "http://www.northside.example/login"},
        {},
    ]
    for values in wrong:
        answer = await api.post("/api/v1/manage/redirect_urls", **values)
        assert [each["field"] for each in answer.json()["errors"]] == ["redirect_url"]
    answer = await api.post("/api/v1/manage/redirect_urls", redirect_url="x", business_id=10**9)
    assert [each["field"] for each in answer.json()["errors"]] == ["redirect_url", "business_id"]
    monkeypatch.setattr(actions, "MAX_URLS", 1)
    assert (await api.post("/api/v1/manage/redirect_urls", redirect_url="https://b.example")).status_code == 409
    await register_site(api)
