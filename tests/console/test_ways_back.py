"""Forced single sign-on: somebody with the role full can always sign in without it, whatever is changed or removed."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import httpx
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.console.people import COOKIE, accept, add_person, invitation_path, send, session_cookie, set_up_app
from tests.console.test_sso import arrive, set_up
from tests.hosted.pages import visitor
from tests.identity_provider import Provider, identity_provider
from tests.waits import until

STAFF = "/api/v1/manage/staff"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture
async def forced(base_url: str, db: Db, provider: Provider) -> AsyncIterator[tuple[Api, httpx.AsyncClient, str]]:
    """Give an account that forces single sign-on, the browser of the only person with a way back, and their address."""
    email = f"{uuid.uuid4().hex}@club.example"
    async with new_api(base_url, db) as api, visitor(base_url) as client:
        await accept(client, await invitation_path(db, api.account_id, email))
        await set_up_app(client)
        # Full as well, but without a password.
        await add_person(db, api.account_id, f"other-{email}")
        await api.ok(await set_up(api, provider, is_forced=True))
        yield api, client, email


async def people(api: Api) -> dict[str, tuple[int, str]]:
    return {each["email"]: (each["staff_id"], each["role"]) for each in await api.ok(await api.get(STAFF))}


Forced = tuple[Api, httpx.AsyncClient, str]


async def test_the_last_one_is_neither_changed_nor_removed(forced: Forced, provider: Provider) -> None:
    api, _, email = forced
    staff_id, _ = (await people(api))[email]
    for answer in (await api.post(f"{STAFF}/{staff_id}", role="editor"), await api.delete(f"{STAFF}/{staff_id}")):
        assert answer.status_code == 409, answer.text
        assert answer.json()["code"] == "no_way_back"
    other_id, _ = (await people(api))[f"other-{email}"]
    await api.ok(await api.post(f"{STAFF}/{other_id}", role="editor"))
    await api.ok(await set_up(api, provider, is_forced=False))
    await api.ok(await api.post(f"{STAFF}/{other_id}", role="full"))
    await api.ok(await api.delete(f"{STAFF}/{staff_id}"))


async def test_a_claim_takes_it_from_nobody(base_url: str, forced: Forced, provider: Provider) -> None:
    api, _, email = forced
    async with visitor(base_url) as browser:
        answer = await arrive(browser, provider, api.account_id, email=email, groups="marketing")
        assert answer.status_code == 303, answer.text
        assert (await people(api))[email][1] == "full"
        await api.ok(await set_up(api, provider, is_forced=False))
        await arrive(browser, provider, api.account_id, email=email, groups="marketing")
        assert (await people(api))[email][1] == "editor"


async def test_the_last_factor_stays(base_url: str, db: Db, forced: Forced, provider: Provider) -> None:
    api, client, email = forced
    staff_id, _ = (await people(api))[email]
    refused = await send(client, "/manage/me", "/manage/me/app/remove")
    assert refused.status_code == 409, refused.text
    assert await db.value("select sealed_totp is not null from staff where staff_id = $1", staff_id)
    key_id = await db.value(PASSKEY, staff_id, uuid.uuid4().bytes)
    assert (await send(client, "/manage/me", "/manage/me/app/remove")).status_code == 303
    refused = await send(client, "/manage/me", "/manage/me/passkeys/remove", passkey_id=str(key_id))
    assert refused.status_code == 409, refused.text
    await api.ok(await set_up(api, provider, is_forced=False))
    # Without the app, the session by password would have to set one up first.
    async with visitor(base_url) as other:
        other.cookies.set(COOKIE, await session_cookie(db, staff_id, datetime.now(UTC)), domain="127.0.0.1")
        assert (
            await send(other, "/manage/me", "/manage/me/passkeys/remove", passkey_id=str(key_id))
        ).status_code == 303


async def test_two_who_remove_theirs_at_once_leave_one(base_url: str, db: Db, forced: Forced) -> None:
    api, client, email = forced
    async with visitor(base_url) as other:
        await accept(other, await invitation_path(db, api.account_id, f"second-{email}"))
        await set_up_app(other)
        async with db.transaction() as tx:
            await tx.execute("select from accounts where account_id = $1 for no key update", api.account_id)
            removals = asyncio.gather(*(send(each, "/manage/me", REMOVAL) for each in (client, other)))
            await until(lambda: db.value(BOTH_WAIT))
        assert sorted(answer.status_code for answer in await removals) == [303, 409]


REMOVAL = "/manage/me/app/remove"
BOTH_WAIT = """
    select count(*) = 2 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%from accounts%'
"""
PASSKEY = """
    insert into staff_passkeys (staff_id, credential_id, user_handle, public_key, sign_count, rp_id, passkey_name,
                                transports, is_synced, created_at)
    values ($1, $2, $2, $2, 0, 'localhost', 'Key', '{}', false, now()) returning passkey_id
"""
