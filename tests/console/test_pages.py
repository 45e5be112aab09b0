"""Every page of the Manage Centre lets in whom it should: by sign-in, account, role, proof and form token."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from fanfare import app
from fanfare.console.shell.access import Access, manage, personal
from fanfare.kernel.data.db import Db
from fanfare.staff.schemas.roles import ROLES, rights_of
from tests.api import Api
from tests.console.people import COOKIE, add_person, session_cookie, signed_in
from tests.console.visits import many_visits
from tests.hosted.pages import token_in, visitor

PAGES = [page for page in app.pages() if page.path == "/manage" or page.path.startswith("/manage/")]
ACCESSES = {**manage.accesses, **personal.accesses}
OF_ACCOUNT = list(manage.accesses.values())
# Pages for people who are not signed in, or not yet.
OPEN = {
    "/manage/sign_in", "/manage/sign_in/code", "/manage/sign_in/passkey", "/manage/link", "/manage/sign_out",
    "/manage/password", "/manage/password/new", "/manage/invitation", "/manage/sso/{account_id}",
    "/manage/sso/callback",
}  # fmt: skip
# What differs between two pages of the same refusal: the ids in them, and the tokens of their forms.
OWN_PARTS = re.compile(r'No account has the id \d+|account_id=\d+|/manage/\d+|(?<=form_token" value=")[^"]+')
PROOF_ACTION = re.compile(r'action="(/manage/prove\?[^"]*)"')
# A role whose rights are none of the others'.
CUSTOM_RIGHTS = {"home": ["read"], "audit": ["read"], "keys": ["read", "write"]}

__all__ = ["many_visits"]


def name_of(access: Access) -> str:
    return f"{access.method} {access.path}"


def path_of(access: Access, account_id: int) -> str:
    """Return the path with the account, and with ids that nothing has."""
    path = access.path.replace("{account_id}", str(account_id)).replace("{segment_type}", "tag")
    return re.sub(r"\{\w+_(uid|key)\}", "0a1b2c3d-0000-4000-8000-000000000000", re.sub(r"\{\w+_id\}", "1", path))


async def request(client: httpx.AsyncClient, access: Access, account_id: int) -> httpx.Response:
    """Open a page, or send its form without any field but the token."""
    path = path_of(access, account_id)
    if access.method == "GET":
        return await client.get(path)
    token = token_in(await client.get(f"/manage/{account_id}"))
    return await client.post(path, data={"form_token": token})


@pytest.fixture(scope="module")
async def people(base_url: str, db: Db, api: Api) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Somebody of each role, and somebody who is limited to a business."""
    async with AsyncExitStack() as stack:

        async def enter(role: str, **values: Any) -> httpx.AsyncClient:
            return await stack.enter_async_context(signed_in(base_url, db, api.account_id, role, **values))

        # The person with the id 1, whom the pages of staff change and remove.
        await add_person(db, api.account_id, "first@example.com", "analyst")
        result: dict[str, httpx.AsyncClient] = {"limited": await enter("full", business_ids=[1])}
        for role in ROLES:
            result[role] = await enter(role, custom_rights=CUSTOM_RIGHTS if role == "custom" else {})
        yield result


def rights(name: str) -> Any:
    if name == "limited":
        return rights_of("full", {}, is_limited=True)
    return rights_of(name, CUSTOM_RIGHTS, is_limited=False)


def test_every_page_is_declared_with_what_it_needs() -> None:
    strays = [page for page in PAGES if (page.method, page.path) not in ACCESSES and page.path not in OPEN]
    assert strays == []
    assert {page.path for page in PAGES} >= OPEN
    assert not any(page.is_open for page in PAGES)


@pytest.mark.parametrize("access", OF_ACCOUNT, ids=name_of)
async def test_the_table_of_rights_is_what_is_served(
    people: dict[str, httpx.AsyncClient], api: Api, access: Access
) -> None:
    for name, client in people.items():
        answer = await request(client, access, api.account_id)
        # Pages about all businesses say so where they are declared, or when they see whom they are for.
        closed = "Only people who work for all businesses can do this"
        is_closed = name == "limited" and (access.is_account_wide or closed in answer.text)
        is_allowed = (access.is_for_all or access.right in rights(name).get(access.area, ())) and not is_closed
        if is_allowed:
            assert answer.status_code in (200, 303, 404, 409, 422), (name, answer.text)
        else:
            assert answer.status_code == 403, (name, answer.text)
            assert (closed if is_closed else "Your role does not allow this") in answer.text


@pytest.mark.parametrize("access", ACCESSES.values(), ids=name_of)
async def test_a_stranger_is_led_to_the_sign_in(base_url: str, api: Api, access: Access) -> None:
    async with visitor(base_url) as client:
        if access.method == "GET":
            answer = await client.get(path_of(access, api.account_id))
        else:
            token = token_in(await client.get("/manage/sign_in"))
            answer = await client.post(path_of(access, api.account_id), data={"form_token": token})
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith("/manage/sign_in")


@pytest.mark.parametrize("access", OF_ACCOUNT, ids=name_of)
async def test_another_account_is_as_unknown_as_nobodys(
    people: dict[str, httpx.AsyncClient], other_api: Api, api: Api, access: Access
) -> None:
    client, texts = people["full"], []
    token = token_in(await client.get(f"/manage/{api.account_id}"))
    for account_id in (other_api.account_id, 2**40, 2**70, "x"):
        path = path_of(access, account_id)  # type: ignore[arg-type] # "x" is no id at all
        answer = await (client.get(path) if access.method == "GET" else client.post(path, data={"form_token": token}))
        assert answer.status_code == 404, answer.text
        texts.append(OWN_PARTS.sub("", answer.text))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("access", [each for each in ACCESSES.values() if each.method == "POST"], ids=name_of)
async def test_a_form_needs_its_token(people: dict[str, httpx.AsyncClient], api: Api, access: Access) -> None:
    client = people["full"]
    path = path_of(access, api.account_id)
    assert (await client.post(path)).status_code == 403
    token = token_in(await client.get(f"/manage/{api.account_id}"))
    answer = await client.post(path, data={"form_token": token}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize("access", [each for each in ACCESSES.values() if each.needs_proof], ids=name_of)
async def test_an_old_proof_is_not_enough(base_url: str, db: Db, api: Api, access: Access) -> None:
    staff_id = await add_person(db, api.account_id, f"old-{access.path}-{access.method}@example.com")
    await db.execute("update staff set password_hash = 'some' where staff_id = $1", staff_id)
    async with visitor(base_url) as client:
        token = await session_cookie(db, staff_id, datetime.now(UTC) - timedelta(minutes=11))
        client.cookies.set(COOKIE, token, domain="127.0.0.1")
        answer = await request(client, access, api.account_id)
        if "location" in answer.headers:
            way = answer.headers["location"]
        else:
            # The form waits in the page that asks.
            assert (answer.status_code, 'name="form_copy"' in answer.text) == (403, True), answer.text
            way = unescape(PROOF_ACTION.findall(answer.text)[0])
        assert way.startswith("/manage/prove?next="), answer.text
        back = await client.get(httpx.URL(way).params["next"])
        # A page, which may ask for the proof itself, or whose thing is not there.
        assert back.status_code in ((200, 303, 404) if access.path.count("{") > 1 else (200, 303))


# Every change of these, deletions too, needs a proof: who holds them lets people in, or takes data out.
PROVED = (
    "/keys", "/exports", "/webhooks", "/staff", "/settings/storages", "/settings/openid_clients",
    "/settings/identity_providers", "/settings/redirect_urls", "/settings/erasures", "/settings/fields/delete",
    "/settings/retention", "/settings/home/time_zone", "/settings/home/currency", "/settings/senders/{sender_id}",
    "/suppressions/{suppression_id}/lift", "/settings/suppressions/delete", "/fans/{fan_id}/suppressions/lift",
    "/links/{tracker_id}/delete", "/links/settings/domains/{domain_id}/remove",
    "/erasure_requests", "/fans/{fan_id}/erasure_requests",
    "/fans/{fan_id}/erase", "/imports/{import_uid}/undo", "/reports/{report_uid}/links", "/console/keys",
)  # fmt: skip
# But what only looks, or only takes something away that was given a moment ago.
UNPROVED = {
    "/settings/storages/{storage_uid}/test", "/settings/senders/{sender_id}/check", "/settings/home/time_zone/withdraw",
    "/staff/invitations/{invitation_id}/withdraw", "/reports/{report_uid}/links/{report_link_id}/end",
}  # fmt: skip


def test_what_sends_elsewhere_shares_or_destroys_needs_a_proof() -> None:
    paths = {
        path.removeprefix("/manage/{account_id}"): access.needs_proof
        for (method, path), access in ACCESSES.items()
        if method == "POST"
    }
    proved = {path for path in paths if path.startswith(PROVED)}
    assert {path for path in proved if not paths[path]} == UNPROVED
    assert [each for each in PROVED if not any(path.startswith(each) for path in proved)] == []


async def test_a_session_ends_when_it_is_not_used(base_url: str, db: Db, api: Api) -> None:
    staff_id = await add_person(db, api.account_id, "idle@example.com")
    for age, status in ((timedelta(hours=23), 200), (timedelta(hours=25), 303)):
        async with visitor(base_url) as client:
            client.cookies.set(COOKIE, await session_cookie(db, staff_id, datetime.now(UTC) - age), domain="127.0.0.1")
            assert (await client.get("/manage/me")).status_code == status


async def test_whoever_left_an_account_sees_it_no_longer(base_url: str, db: Db, api: Api) -> None:
    async with signed_in(base_url, db, api.account_id, email="left@example.com") as client:
        assert (await client.get(f"/manage/{api.account_id}")).status_code == 200
        sql = """
            delete from staff_memberships
            where account_id = $1 and staff_id in (select staff_id from staff where email = 'left@example.com')
        """
        await db.execute(sql, api.account_id)
        assert (await client.get(f"/manage/{api.account_id}")).status_code == 404


async def test_pages_of_the_manage_centre_are_never_kept_nor_framed(people: dict[str, httpx.AsyncClient]) -> None:
    headers = (await people["full"].get("/manage/me")).headers
    assert headers["cache-control"] == "no-store"
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
