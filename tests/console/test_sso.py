"""Single sign-on of staff: who the provider of an account vouches for is let in there, and nowhere else."""

import secrets
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import COOKIE, add_person, copy_in, send, session_cookie, signed_in
from tests.hosted.pages import token_in, visitor
from tests.identity_provider import CLIENT_ID, CLIENT_SECRET, Provider, identity_provider

ROLES = {"crm-admins": "full", "marketing": "editor"}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture
async def browser(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with visitor(base_url) as client:
        yield client


@pytest.fixture(autouse=True)
async def _sso(api: Api, provider: Provider) -> None:
    await api.ok(await set_up(api, provider))


async def set_up(api: Api, provider: Provider, **values: Any) -> httpx.Response:
    """Set up single sign-on as most tests need it."""
    settings = {
        "issuer": provider.url,
        "sso_client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "email_domains": ["club.example"],
        "role_claim": "groups",
        "claim_roles": ROLES,
    }
    return await api.post("/api/v1/manage/staff_sso", **{**settings, **values})


async def arrive(
    client: httpx.AsyncClient, provider: Provider, account_id: int, way: str = "", **claims: Any
) -> httpx.Response:
    """Go to the provider and come back."""
    answer = await client.get(way or f"/manage/sso/{account_id}")
    assert answer.headers["location"].startswith(provider.url), answer.text
    claims = {"email": "jo@club.example", "email_verified": True, "given_name": "Jo", **claims}
    code, state = provider.authorize(answer.headers["location"], **claims)
    return await client.get("/manage/sso/callback", params={"code": code, "state": state})


async def test_somebody_new_gets_the_role_of_the_claim(
    browser: httpx.AsyncClient, provider: Provider, api: Api
) -> None:
    answer = await arrive(browser, provider, api.account_id, groups=["staff", "marketing"])
    assert answer.headers["location"] == f"/manage/{api.account_id}"
    assert (await browser.get(f"/manage/{api.account_id}/imports")).status_code == 200
    assert (await browser.get(f"/manage/{api.account_id}/keys")).status_code == 403
    people = await api.ok(await api.get("/api/v1/manage/staff"))
    assert ("jo@club.example", "editor") in [(each["email"], each["role"]) for each in people]


async def test_the_role_follows_the_claim_at_each_sign_in(
    browser: httpx.AsyncClient, provider: Provider, db: Db, api: Api
) -> None:
    await add_person(db, api.account_id, "another-full@example.com")
    for group, role in (("crm-admins", "full"), ("marketing", "editor")):
        await arrive(browser, provider, api.account_id, email="ada@club.example", groups=group)
        people = await api.ok(await api.get("/api/v1/manage/staff"))
        assert ("ada@club.example", role) in [(each["email"], each["role"]) for each in people]


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "eve@elsewhere.example", "groups": "crm-admins"},
        {"email": "eve@club.example.evil.example", "groups": "crm-admins"},
        {"email_verified": False, "groups": "crm-admins"},
        {"email": None, "groups": "crm-admins"},
        {"email": "new@club.example", "groups": "gardeners"},
        {"email": "new@club.example"},
    ],
)
async def test_others_are_not_let_in(
    browser: httpx.AsyncClient, provider: Provider, api: Api, claims: dict[str, Any]
) -> None:
    answer = await arrive(browser, provider, api.account_id, **claims)
    assert answer.status_code == 403, answer.text
    assert COOKIE not in browser.cookies


async def test_a_default_role_lets_everybody_of_the_domain_in(
    browser: httpx.AsyncClient, provider: Provider, api: Api
) -> None:
    await set_up(api, provider, default_role="analyst")
    assert (await arrive(browser, provider, api.account_id, email="new@club.example")).status_code == 303
    assert (await browser.get(f"/manage/{api.account_id}/imports")).status_code == 403


async def test_a_session_is_good_in_its_account_alone(
    browser: httpx.AsyncClient, provider: Provider, db: Db, api: Api, other_api: Api
) -> None:
    # The provider of one account claims to know somebody of another.
    await add_person(db, other_api.account_id, "boss@club.example")
    await add_person(db, api.account_id, "boss@club.example", "analyst")
    await arrive(browser, provider, api.account_id, email="boss@club.example", groups="marketing")
    assert (await browser.get(f"/manage/{api.account_id}")).status_code == 200
    assert (await browser.get(f"/manage/{other_api.account_id}")).status_code == 404
    assert f"/manage/{other_api.account_id}" not in (await browser.get(f"/manage/{api.account_id}")).text
    assert (await browser.get("/manage")).headers["location"] == f"/manage/{api.account_id}"
    for path in ("/manage/me", "/manage/me/app", "/manage/me/password", "/manage/prove"):
        answer = await browser.get(path)
        assert answer.status_code == 403, path


async def test_a_return_needs_the_browser_that_began(
    browser: httpx.AsyncClient, provider: Provider, api: Api, base_url: str
) -> None:
    begun = await browser.get(f"/manage/sso/{api.account_id}")
    claims = {"email": "jo@club.example", "email_verified": True, "groups": "marketing"}
    code, state = provider.authorize(begun.headers["location"], **claims)
    async with visitor(base_url) as stranger:
        answer = await stranger.get("/manage/sso/callback", params={"code": code, "state": state})
        assert answer.status_code == 403
    assert (await browser.get("/manage/sso/callback", params={"code": code, "state": "x"})).status_code == 403
    # The attempt ended with the wrong state.
    assert (await browser.get("/manage/sso/callback", params={"code": code, "state": state})).status_code == 403


async def test_a_refusal_of_the_provider_is_told(browser: httpx.AsyncClient, provider: Provider, api: Api) -> None:
    begun = await browser.get(f"/manage/sso/{api.account_id}")
    _, state = provider.authorize(begun.headers["location"])
    answer = await browser.get("/manage/sso/callback", params={"error": "access_denied", "state": state})
    assert "did not let you in" in answer.text


async def test_forced_it_is_the_only_way_but_for_the_role_full(
    base_url: str, provider: Provider, db: Db, api: Api
) -> None:
    refused = await set_up(api, provider, is_forced=True)
    assert refused.status_code == 409
    full = await add_person(db, api.account_id, "way-back@example.com")
    sql = "update staff set password_hash = 'made up', sealed_totp = 'made up' where staff_id = $1"
    await db.execute(sql, full)
    await api.ok(await set_up(api, provider, is_forced=True))
    async with signed_in(base_url, db, api.account_id, "editor") as client:
        answer = await client.get(f"/manage/{api.account_id}/imports")
        assert answer.headers["location"].startswith(f"/manage/sso/{api.account_id}?next=")
    async with visitor(base_url) as client:
        client.cookies.set(COOKIE, await session_cookie(db, full), domain="127.0.0.1")
        assert (await client.get(f"/manage/{api.account_id}/imports")).status_code == 200


async def test_turned_off_its_sessions_end(browser: httpx.AsyncClient, provider: Provider, api: Api) -> None:
    await arrive(browser, provider, api.account_id, groups="marketing")
    await api.ok(await set_up(api, provider, is_enabled=False))
    assert (await browser.get(f"/manage/{api.account_id}")).headers["location"].startswith("/manage/sign_in")
    assert (await browser.get(f"/manage/sso/{api.account_id}")).status_code == 404


async def test_a_proof_is_asked_of_the_provider(
    browser: httpx.AsyncClient, provider: Provider, db: Db, api: Api
) -> None:
    await add_person(db, api.account_id, "yet-another-full@example.com")
    path, now = f"/manage/{api.account_id}/keys/new", int(time.time())
    claims = {"email": "prover@club.example", "groups": "crm-admins"}
    # To sign in proves nothing: the provider may have let them in without a question.
    await arrive(browser, provider, api.account_id, **claims, auth_time=now)
    way = (await browser.get(path)).headers["location"]
    assert way.startswith(f"/manage/sso/{api.account_id}?")
    url = (await browser.get(way)).headers["location"]
    assert "prompt=login" in url
    assert "max_age=0" in url
    for early in ({}, {"auth_time": now - 3600}):
        refused = await arrive(browser, provider, api.account_id, way, **claims, **early)
        assert refused.status_code == 403, early
        assert "auth_time" in refused.text
        assert (await browser.get(path)).status_code == 303
    # Who leaves the question out of the address gets no proof either.
    await arrive(browser, provider, api.account_id, way.replace("again=true", "again=false"), **claims, auth_time=now)
    assert (await browser.get(path)).status_code == 303
    answer = await arrive(browser, provider, api.account_id, way, **claims, auth_time=int(time.time()))
    assert answer.headers["location"] == path
    assert (await browser.get(path)).status_code == 200


async def test_a_form_waits_while_the_provider_is_asked(
    browser: httpx.AsyncClient, provider: Provider, db: Db, api: Api
) -> None:
    await add_person(db, api.account_id, "one-more-full@example.com")
    path = f"/manage/{api.account_id}/keys/new"
    claims = {"email": "waiter@club.example", "groups": "crm-admins"}
    await arrive(browser, provider, api.account_id, **claims)
    fields = {"form_token": token_in(await browser.get(f"/manage/{api.account_id}")), "key_name": "Shop"}
    detour = await browser.post(path, data={**fields, "scopes[]": ["apps"]})
    assert "Shop" not in str(detour.headers)
    way = detour.headers["location"]
    answer = await arrive(browser, provider, api.account_id, way, **claims, auth_time=int(time.time()))
    page = await browser.get(answer.headers["location"])
    assert page.status_code == 200, page.text
    form = {"form_token": token_in(page), "form_copy": copy_in(page)}
    assert 'id="api-secret"' in (await browser.post(path, data=form)).text
    # It waits no longer.
    again = await browser.get(answer.headers["location"])
    assert again.headers["location"] == path
    assert "The form was not sent" in (await browser.get(path)).text


async def waiting_form(browser: httpx.AsyncClient, account_id: int, key_name: str) -> str:
    """Send a form when a proof is due, and return the way to the provider."""
    fields = {"form_token": token_in(await browser.get(f"/manage/{account_id}")), "key_name": key_name}
    answer = await browser.post(f"/manage/{account_id}/keys/new", data={**fields, "scopes[]": ["apps"]})
    return str(answer.headers["location"])


async def test_of_two_forms_that_wait_each_return_sends_its_own_or_none(
    browser: httpx.AsyncClient, provider: Provider, db: Db, api: Api
) -> None:
    await add_person(db, api.account_id, "two-forms-full@example.com")
    claims = {"email": "tabs@club.example", "groups": "crm-admins"}
    await arrive(browser, provider, api.account_id, **claims)
    first, second = [await waiting_form(browser, api.account_id, name) for name in ("First", "Second")]
    answer = await arrive(browser, provider, api.account_id, first, **claims, auth_time=int(time.time()))
    lost = await browser.get(answer.headers["location"])
    path = f"/manage/{api.account_id}/keys/new"
    assert (lost.status_code, lost.headers["location"]) == (303, path)
    assert "The form was not sent" in (await browser.get(path)).text
    # That of the second still waits for its own return.
    answer = await arrive(browser, provider, api.account_id, second, **claims, auth_time=int(time.time()))
    page = await browser.get(answer.headers["location"])
    form = {"form_token": token_in(page), "form_copy": copy_in(page)}
    assert 'id="api-secret"' in (await browser.post(path, data=form)).text
    names = [each["key_name"] for each in await api.ok(await api.get("/api/v1/manage/keys"))]
    assert ("Second" in names, "First" in names) == (True, False)


async def test_a_form_whose_proof_was_cancelled_is_sent_by_no_link(
    browser: httpx.AsyncClient, provider: Provider, db: Db, api: Api
) -> None:
    await add_person(db, api.account_id, "cancelled-full@example.com")
    claims = {"email": "canceller@club.example", "groups": "crm-admins"}
    await arrive(browser, provider, api.account_id, **claims)
    way = await waiting_form(browser, api.account_id, "Cancelled")
    # Without its name nothing is sent, and with it only after the proof.
    named = httpx.URL(way).params["next"]
    for path in ("/manage/prove/form", named):
        answer = await browser.get(path)
        assert answer.status_code == 303, path
        assert "data-send" not in answer.text
    assert "fanfare-staff-form" not in browser.cookies


async def test_a_form_too_long_for_a_cookie_is_told(
    browser: httpx.AsyncClient, provider: Provider, db: Db, api: Api
) -> None:
    await add_person(db, api.account_id, "long-form-full@example.com")
    claims = {"email": "writer@club.example", "groups": "crm-admins"}
    await arrive(browser, provider, api.account_id, **claims)
    way = await waiting_form(browser, api.account_id, secrets.token_urlsafe(4000))
    answer = await arrive(browser, provider, api.account_id, way, **claims, auth_time=int(time.time()))
    page = await browser.get(answer.headers["location"])
    assert "too long to wait" in page.text


async def test_it_is_set_up_by_its_page(base_url: str, provider: Provider, db: Db, api: Api) -> None:
    path = f"/manage/{api.account_id}/staff/sso"
    async with signed_in(base_url, db, api.account_id) as client:
        fields = {"issuer": provider.url, "sso_client_id": CLIENT_ID, "email_domains": "club.example, fans.example"}
        lines = "marketing=editor\ncn=admins,dc=club=full"
        answer = await send(client, path, **fields, role_claim="groups", claim_lines=lines, is_enabled="true")
        assert answer.status_code == 303, answer.text
        page = (await client.get(path)).text
        assert "cn=admins,dc=club=full" in page
        assert CLIENT_SECRET not in page
        wrong = await send(client, path, **fields, role_claim="groups", claim_lines="marketing=king")
        assert wrong.status_code == 422
        assert "must have one of" in wrong.text
        state = await api.ok(await api.get("/api/v1/manage/staff_sso"))
        assert state["claim_roles"] == {"marketing": "editor", "cn=admins,dc=club": "full"}
        assert state["has_client_secret"] is True
        await send(client, path, f"{path}/delete")
        assert (await api.get("/api/v1/manage/staff_sso")).status_code == 404


async def test_only_who_may_do_everything_sets_it_up_or_ends_it(
    base_url: str, provider: Provider, db: Db, api: Api
) -> None:
    path = f"/manage/{api.account_id}/staff/sso"
    rights = {"home": ["read"], "staff": ["read", "write"]}
    fields = {"issuer": provider.url, "sso_client_id": CLIENT_ID, "email_domains": "club.example"}
    async with signed_in(base_url, db, api.account_id, "custom", custom_rights=rights) as client:
        for mapping in ({}, {"role_claim": "groups", "claim_lines": "marketing=full"}):
            answer = await send(client, path, **fields, **mapping)
            assert answer.status_code == 403, mapping
        assert (await send(client, path, f"{path}/delete")).status_code == 403
    narrow = await api.ok(await api.post("/api/v1/manage/keys", key_name="narrow", scopes=["manage"]))
    headers = {"Api-Key": narrow["managed_key"], "Api-Secret": narrow["managed_secret"]}
    body = {**fields, "email_domains": ["club.example"]}
    url = "/api/v1/manage/staff_sso"
    assert (await api.client.post(url, json=body, headers=headers)).status_code == 403
    assert (await api.client.delete(url, headers=headers)).status_code == 403
    assert (await api.ok(await api.get(url)))["claim_roles"] == ROLES


async def test_the_first_value_that_fits_is_the_first_that_was_written(
    browser: httpx.AsyncClient, provider: Provider, api: Api
) -> None:
    roles = {"marketing": "editor", "all": "analyst"}
    await api.ok(await set_up(api, provider, claim_roles=roles))
    assert list((await api.ok(await api.get("/api/v1/manage/staff_sso")))["claim_roles"]) == list(roles)
    await arrive(browser, provider, api.account_id, email="both@club.example", groups=["all", "marketing"])
    assert await role(api, "both@club.example") == "editor"


async def role(api: Api, email: str) -> str | None:
    people = await api.ok(await api.get("/api/v1/manage/staff"))
    return next((each["role"] for each in people if each["email"] == email), None)


async def test_an_invitation_says_what_somebody_new_may_do(
    browser: httpx.AsyncClient, provider: Provider, api: Api
) -> None:
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name="Tideline"))
    email, limit = "invited@club.example", [business["business_id"]]
    invitation = {"email": email, "role": "custom", "custom_rights": {"home": ["read"]}, "business_ids": limit}
    await api.ok(await api.post("/api/v1/manage/staff_invitations", **invitation))
    assert (await arrive(browser, provider, api.account_id, email=email, groups="marketing")).status_code == 303
    people = await api.ok(await api.get("/api/v1/manage/staff"))
    [person] = [each for each in people if each["email"] == email]
    assert (person["role"], person["custom_rights"], person["business_ids"]) == ("custom", {"home": ["read"]}, limit)
    assert email not in [each["email"] for each in await api.ok(await api.get("/api/v1/manage/staff_invitations"))]


async def test_whoever_is_let_go_stays_out(browser: httpx.AsyncClient, provider: Provider, db: Db, api: Api) -> None:
    await add_person(db, api.account_id, "keeper-full@example.com")
    claims = {"email": "leaver@club.example", "groups": "marketing"}
    await arrive(browser, provider, api.account_id, **claims)
    people = await api.ok(await api.get("/api/v1/manage/staff"))
    [leaver] = [each["staff_id"] for each in people if each["email"] == claims["email"]]
    await api.ok(await api.delete(f"/api/v1/manage/staff/{leaver}"))
    assert (await arrive(browser, provider, api.account_id, **claims)).status_code == 403
    assert await role(api, claims["email"]) is None


async def test_a_provider_learns_nothing_of_people_of_other_accounts(
    browser: httpx.AsyncClient, provider: Provider, db: Db, api: Api, other_api: Api
) -> None:
    email = "theirs@club.example"
    theirs = await add_person(db, other_api.account_id, email)
    assert (await arrive(browser, provider, api.account_id, email=email, groups="marketing")).status_code == 403
    assert await role(api, email) is None
    # As a member here they have their sessions of this account alone in its list.
    await add_person(db, api.account_id, email, "analyst")
    await api.ok(await set_up(other_api, provider))
    assert (await arrive(browser, provider, other_api.account_id, email=email)).status_code == 303
    path = "/api/v1/manage/staff"
    for reader, is_seen in ((api, False), (other_api, True)):
        [person] = [each for each in await reader.ok(await reader.get(path)) if each["staff_id"] == theirs]
        assert (person["use_timestamp"] is not None) == is_seen
