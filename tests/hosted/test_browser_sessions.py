"""The fan who is logged in in a browser: the cookie, how long it counts, and the path that a login leads back to."""

import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from fanfare.hosted import browser_sessions
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.cookies import our_cookies, put_cookies
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.pages.page import Visit
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.web.response import Response
from tests.api import Api
from tests.sessions.logins import connect, registered

NOW = datetime.now(UTC)


def visit_of(cookies: dict[str, str]) -> Visit:
    return Visit("/", None, Language("en"), "visitor", "nonce", cookies=cookies)


def remembered(account_id: int, session_uid: str) -> dict[str, str]:
    """Return the cookies that a browser has once a session was remembered."""
    visit = visit_of({})
    browser_sessions.remember(visit, account_id, uuid.UUID(session_uid))
    return {name: cookie.value for name, cookie in visit.new_cookies.items()}


async def test_a_browser_has_a_session_of_each_account(api: Api, other_api: Api, db: Db) -> None:
    ada = await registered(api, "ada@example.org")
    zoe = await registered(other_api, "zoe@example.org")
    visit = visit_of({
        **remembered(api.account_id, ada["session_uid"]),
        **remembered(other_api.account_id, zoe["session_uid"]),
    })  # fmt: skip
    for account, fan in ((api, ada), (other_api, zoe)):
        session = await browser_sessions.current(db, visit, account.account_id, NOW)
        assert session is not None
        assert (session.fan_id, str(session.session_uid)) == (fan["fan_id"], fan["session_uid"])
        assert session.authenticated_at
        assert NOW - timedelta(minutes=1) < session.authenticated_at < datetime.now(UTC) + timedelta(minutes=1)


async def test_a_session_that_ended_or_is_no_login_counts_as_none(api: Api, other_api: Api, db: Db) -> None:
    bob = await registered(api, "bob@example.org")
    guest = await connect(api)
    name = f"session-{api.account_id}"
    foreign = remembered(other_api.account_id, bob["session_uid"])
    values = ["", "x", str(uuid.uuid4()), guest["session_uid"], bob["session_uid"][:-1]]
    for visit in [visit_of({name: value}) for value in values] + [visit_of({}), visit_of(foreign)]:
        assert await browser_sessions.current(db, visit, api.account_id, NOW) is None
    assert await browser_sessions.current(db, visit_of(foreign), other_api.account_id, NOW) is None
    visit = visit_of({name: bob["session_uid"]})
    assert await browser_sessions.current(db, visit, api.account_id, NOW)
    assert await browser_sessions.current(db, visit, api.account_id, NOW + timedelta(days=366)) is None
    await api.ok(await api.delete(f"/api/v1/sessions/{bob['session_uid']}"))
    assert await browser_sessions.current(db, visit, api.account_id, datetime.now(UTC)) is None


@pytest.mark.parametrize("is_secure", [True, False])
def test_the_cookie_is_for_this_host_and_no_script(*, is_secure: bool) -> None:
    visit, response = visit_of({}), Response()
    browser_sessions.remember(visit, 7, uuid.UUID(int=1))
    put_cookies(response, visit.new_cookies, is_secure=is_secure)
    (cookie,) = response.cookies
    name, _, rest = cookie.partition("=")
    value, *attributes = rest.split("; ")
    assert name == ("__Host-fanfare-session-7" if is_secure else "fanfare-session-7")
    assert ("Secure" in attributes) == is_secure
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes)
    assert any(each.startswith("Max-Age=") for each in attributes)
    assert not any(each.startswith("Domain") for each in attributes)
    assert our_cookies({name: value, "fanfare-session-8" if is_secure else "__Host-x": "x"}, is_secure=is_secure) == {
        "session-7": str(uuid.UUID(int=1))
    }
    browser_sessions.forget(visit, 7)
    response = Response()
    put_cookies(response, visit.new_cookies, is_secure=is_secure)
    (cookie,) = response.cookies
    assert "Expires=Thu, 01 Jan 1970" in cookie
    assert ("Secure" in cookie) == is_secure


def test_the_login_leads_back_to_the_path_that_was_sealed() -> None:
    path = "/oauth2/authorize?client_id=a&scope=openid%20email"
    url = urlsplit(browser_sessions.login_url(7, 4, path, asks="again"))
    query = parse_qs(url.query)
    assert (url.netloc, url.path) == ("", browser_sessions.LOGIN)
    assert (query["account_id"], query["business_id"], query["login"]) == (["7"], ["4"], ["again"])
    assert browser_sessions.next_path(query["next"][0]) == path
    query = parse_qs(urlsplit(browser_sessions.login_url(7, None, path)).query)
    assert query.keys() == {"account_id", "next"}


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "\t//evil.example", "/a\n", "",
     "evil", "/ö", "/a b"],
)  # fmt: skip
def test_no_other_address_is_sealed_or_followed(url: str) -> None:
    with pytest.raises(ValueError, match="not a path of this server"):
        browser_sessions.login_url(7, None, url)
    for text in (url, secret_keys.seal("form", b"/"), "x" * 100):
        assert browser_sessions.next_path(text) is None
