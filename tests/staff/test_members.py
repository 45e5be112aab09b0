"""Who gives which rights to whom: never more than they have, and an account keeps somebody who has all."""

import asyncio
import uuid
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

from fanfare.kernel.data.db import Db
from tests.api import Api, new_api
from tests.console.people import COOKIE, add_person, send, session_cookie, signed_in
from tests.hosted.pages import token_in, visitor
from tests.waits import until

# Whether a statement waits for a lock on an account.
WAITING = """
    select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%from accounts%'
"""
STAFF = "/api/v1/manage/staff"
MANAGER = {"staff": ["read", "write"], "keys": ["read", "write"], "home": ["read"]}


async def roles(db: Db, account_id: int) -> dict[int, Any]:
    rows = await db.rows("select * from staff_memberships where account_id = $1", account_id)
    return {row["staff_id"]: row for row in rows}


def address(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex}@example.com"


async def test_businesses_stay_unless_they_are_named(db: Db, api: Api) -> None:
    business = await api.ok(await api.post("/api/v1/manage/businesses", business_name="Tideline"))
    limit = [business["business_id"]]
    await add_person(db, api.account_id, address("full"))
    staff_id = await add_person(db, api.account_id, address("limited"), "editor", business_ids=limit)
    member = await api.ok(await api.post(f"{STAFF}/{staff_id}", role="analyst"))
    assert (member["role"], member["business_ids"]) == ("analyst", limit)
    empty = await api.post(f"{STAFF}/{staff_id}", role="analyst", business_ids=[])
    assert empty.status_code == 422, empty.text
    invitation = {"email": address("none"), "role": "editor", "business_ids": []}
    assert (await api.post("/api/v1/manage/staff_invitations", **invitation)).status_code == 422
    assert (await roles(db, api.account_id))[staff_id]["business_ids"] == limit
    opened = await api.ok(await api.post(f"{STAFF}/{staff_id}", role="analyst", business_ids=None))
    assert opened["business_ids"] is None


async def test_nobody_gives_rights_that_they_lack(base_url: str, db: Db, api: Api) -> None:
    full = await add_person(db, api.account_id, address("full"))
    peer = await add_person(db, api.account_id, address("peer"), "custom", custom_rights={"home": ["read"]})
    email = address("waiting")
    waiting = await api.ok(await api.post("/api/v1/manage/staff_invitations", email=email, role="full"))
    root = f"/manage/{api.account_id}/staff"
    async with signed_in(base_url, db, api.account_id, "custom", custom_rights=MANAGER) as client:
        refused: list[tuple[str, dict[str, Any]]] = [
            ("/new", {"email": address("new"), "role": "full"}),
            ("/new", {"email": address("new"), "role": "custom", "cells[]": ["fans.read"]}),
            # An invitation with more rights, and a person with more, are not theirs to replace.
            ("/new", {"email": email, "role": "custom", "cells[]": ["home.read"]}),
            (f"/invitations/{waiting['invitation_id']}/withdraw", {}),
            (f"/{full}", {"role": "custom", "cells[]": ["home.read"]}),
            (f"/{full}/remove", {}),
            (f"/{peer}", {"role": "editor"}),
        ]
        for path, fields in refused:
            answer = await send(client, root, f"{root}{path}", **fields)
            assert answer.status_code == 403, (path, fields, answer.text)
        saved = await send(client, root, f"{root}/{peer}", role="custom", **{"cells[]": ["keys.read"]})
        assert saved.status_code == 303, saved.text
    rows = await roles(db, api.account_id)
    assert (rows[full]["role"], rows[peer]["custom_rights"]) == ("full", {"keys": ["read"]})
    assert waiting["invitation_id"] in [each["invitation_id"] for each in await invitations(api)]


async def test_an_invitation_needs_a_proof(base_url: str, db: Db, api: Api) -> None:
    staff_id, root = await add_person(db, api.account_id, address("stale")), f"/manage/{api.account_id}/staff"
    email = address("friend")
    async with visitor(base_url) as client:
        cookie = await session_cookie(db, staff_id, datetime.now(UTC) - timedelta(minutes=11))
        client.cookies.set(COOKIE, cookie, domain="127.0.0.1")
        answer = await send(client, root, f"{root}/new", email=email, role="analyst")
        assert (answer.status_code, "Is it you?" in answer.text) == (403, True), answer.text
    assert email not in [each["email"] for each in await invitations(api)]


async def invitations(api: Api) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = await api.ok(await api.get("/api/v1/manage/staff_invitations"))
    return result


async def test_nobody_gives_a_key_scopes_that_they_lack(base_url: str, db: Db, api: Api) -> None:
    root = f"/manage/{api.account_id}/keys"
    key = await api.ok(await api.post("/api/v1/manage/keys", key_name="strong", scopes=["crm"]))
    async with signed_in(base_url, db, api.account_id, "custom", custom_rights=MANAGER) as client:
        attempts: list[tuple[str, dict[str, Any]]] = [
            ("/new", {"key_name": "mine", "scopes[]": ["crm"]}),
            (f"/{key['managed_key']}/rotate", {"overlap_hours": "0"}),
        ]
        for path, fields in attempts:
            answer = await send(client, root, f"{root}{path}", **fields)
            assert answer.status_code == 403, (path, answer.text)
    narrow = await api.ok(await api.post("/api/v1/manage/keys", key_name="narrow", scopes=["manage"]))
    headers = {"Api-Key": narrow["managed_key"], "Api-Secret": narrow["managed_secret"]}
    body = {"key_name": "wider", "scopes": ["manage", "crm"]}
    assert (await api.client.post("/api/v1/manage/keys", json=body, headers=headers)).status_code == 403
    invitation = {"email": address("by-key"), "role": "analyst"}
    path = "/api/v1/manage/staff_invitations"
    assert (await api.client.post(path, json=invitation, headers=headers)).status_code == 403


async def test_one_full_member_stays_however_many_go_at_once(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api:
        people = [await add_person(db, api.account_id, address("full")) for _ in range(4)]
        calls: list[Awaitable[Any]] = [api.delete(f"{STAFF}/{each}") for each in people[:2]]
        calls += [api.post(f"{STAFF}/{each}", role="analyst") for each in people[2:]]
        statuses = sorted(answer.status_code for answer in await asyncio.gather(*calls))
        assert statuses == [200, 200, 200, 409]
        rows = await roles(db, api.account_id)
        assert [row["role"] for row in rows.values()].count("full") == 1


async def test_whoever_is_removed_meanwhile_gives_nothing(base_url: str, db: Db, api: Api) -> None:
    leaving_email, email = address("leaving"), address("friend")
    friend = await add_person(db, api.account_id, email, "custom", custom_rights={"home": ["read"]})
    root = f"/manage/{api.account_id}/staff"
    async with signed_in(base_url, db, api.account_id, "full", email=leaving_email) as client:
        page = token_in(await client.get(root))
        async with db.transaction() as tx:
            await tx.execute("select from accounts where account_id = $1 for no key update", api.account_id)
            change = asyncio.create_task(client.post(f"{root}/{friend}", data={"form_token": page, "role": "full"}))
            await until(lambda: db.value(WAITING))
            await tx.execute(
                "delete from staff_memberships m using staff p"
                " where m.account_id = $1 and p.staff_id = m.staff_id and p.email = $2",
                api.account_id,
                leaving_email,
            )
        assert (await change).status_code == 403
    assert (await roles(db, api.account_id))[friend]["role"] == "custom"
