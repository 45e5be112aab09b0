"""A fan who forgot the password gets a link and sets a new one: once, within an hour, wherever the link came from."""

import asyncio
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from fanfare.fans.actions.password_resets import forget_resets
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.public_address import public_address
from tests.api import Api
from tests.hosted.logins import login_url, mails, register_site, submit
from tests.hosted.pages import relative, token_in, visitor
from tests.passkeys.logins import fan_with_passkey, try_log_in, with_origin
from tests.sessions.logins import PASSWORD, fan_of, registered, try_connect

NEW = "battery staple"


@pytest.fixture(scope="module", autouse=True)
async def site(api: Api) -> None:
    await register_site(api)


async def link_of(api: Api, fan_id: int) -> str:
    """Return the link that a site mails itself."""
    saved = await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}", reset_uid=True))
    assert saved.keys() == {"fan_id", "reset_uid"}
    return f"/crm/reset?account_id={api.account_id}&reset_uid={saved['reset_uid']}"


async def can_log_in(api: Api, email: str, password: str) -> bool:
    return (await try_connect(api, "password", email=email, password=password)).status_code == 200


async def test_a_link_of_the_site_sets_a_new_password_once(api: Api, base_url: str, db: Db) -> None:
    ada = await registered(api, "ada@example.org")
    link, second = await link_of(api, ada["fan_id"]), await link_of(api, ada["fan_id"])
    reset_uid = uuid.UUID(link.partition("reset_uid=")[2])
    rows = await db.rows(
        "select row_to_json(r)::text as row from password_resets r where account_id = $1", api.account_id
    )
    assert rows
    assert not any(str(reset_uid) in row["row"] or reset_uid.hex in row["row"] for row in rows)
    assert "reset_uid" not in (await api.get(f"/api/v1/crm/fans/{ada['fan_id']}")).text
    async with visitor(base_url) as client:
        for weak in ("short", ""):
            page = await submit(client, link, password=weak)
            assert page.status_code == 422
            assert 'id="password-fault"' in page.text
        page = await submit(client, link, password=NEW)
        assert "Your password is set" in page.text
        for used in (link, second):
            assert (await client.get(used)).status_code == 404, "the other link ends with the old password"
    assert (await fan_of(api, ada["session_uid"])).status_code == 404
    assert [await can_log_in(api, "ada@example.org", each) for each in (PASSWORD, NEW)] == [False, True]


async def test_a_link_is_asked_for_on_the_login_page(api: Api, base_url: str, db: Db, gateways: Any) -> None:
    bob = await registered(api, "Bob@example.org")
    path = login_url(api, "/crm/oauth/forgotten", state="x1", language="fr")
    async with visitor(base_url) as client:
        answers = [await submit(client, path, contact=each) for each in ("bob@example.org", "nobody@example.org")]
        assert len({(each.status_code, each.headers["location"]) for each in answers}) == 1
        assert "nous y avons envoyé un lien" in (await client.get(answers[0].headers["location"])).text
        (mail,) = await mails(db, api, gateways[0])
        assert mail["subject"].startswith("Votre nouveau mot de passe")
        body = mail.get_body(("plain",))
        assert body
        (link,) = re.findall(r"\S+/crm/reset\?\S+", body.get_content())
        assert link.startswith(public_address.base)
        page = await submit(client, relative(link), password=NEW)
        # Back to the login for the site, where it was left.
        (login,) = re.findall(r'href="(/crm/oauth\?[^"]*state=x1[^"]*)"', page.text)
        assert (await client.get(login.replace("&amp;", "&"))).status_code == 200
    fan = await api.ok(await api.get(f"/api/v1/crm/fans/{bob['fan_id']}"))
    assert fan["is_confirmed"], "who read the mail owns the address"
    assert await can_log_in(api, "bob@example.org", NEW)


async def test_a_link_is_asked_for_in_the_same_way_whether_a_fan_has_the_address(
    api: Api, base_url: str, db: Db, gateways: Any
) -> None:
    """Nothing of fans and messages is read or written before the page answers, so it takes no longer for a fan."""
    await registered(api, "zoe@example.org")
    path = login_url(api, "/crm/oauth/forgotten")
    async with visitor(base_url) as client:
        token = token_in(await client.get(path))
        async with db.transaction() as tx:
            await tx.execute("lock table fans, fan_identifiers, shared_identifiers, password_resets, messages")
            answers = [
                await client.post(path, data={"form_token": token, "contact": f"{name}@example.org"})
                for name in ("zoe", "nobody.at.all")
            ]
    assert [each.status_code for each in answers] == [303, 303]
    assert len({each.headers["location"] for each in answers}) == 1
    rows = await db.rows("select * from reset_requests where account_id = $1", api.account_id)
    assert len(rows) == 2
    assert "zoe@example.org" not in str(rows), "encrypted, as it may belong to nobody that is known here"
    assert [each["to"] for each in await mails(db, api, gateways[0])] == ["zoe@example.org"]
    assert not await db.rows("select from reset_requests where account_id = $1", api.account_id)


async def test_a_link_that_could_not_be_asked_for_counts_as_none(api: Api, base_url: str, db: Db) -> None:
    path, used = login_url(api, "/crm/oauth/forgotten"), "select sum(used) from attempts where account_id = $1"
    before = await db.value(used, api.account_id)
    async with visitor(base_url) as client:
        await db.execute("alter table reset_requests rename to no_requests")
        try:
            assert (await submit(client, path, contact="fay@example.org")).status_code >= 500
        finally:
            await db.execute("alter table no_requests rename to reset_requests")
        assert await db.value(used, api.account_id) == before
        assert (await submit(client, path, contact="fay@example.org")).status_code == 303


async def link_to(client: httpx.AsyncClient, db: Db, api: Api, gateways: Any, email: str) -> str:
    """Let a fan ask for a link on the login page, and return it."""
    await submit(client, login_url(api, "/crm/oauth/forgotten"), contact=email)
    (mail,) = [each for each in await mails(db, api, gateways[0]) if each["to"] == email]
    body = mail.get_body(("plain",))
    assert body
    (link,) = re.findall(r"\S+(/crm/reset\?\S+)", body.get_content())
    return str(link)


async def test_a_link_leaves_no_passkey_of_whoever_registered_the_address(
    api: Api, base_url: str, db: Db, gateways: Any
) -> None:
    await with_origin(api)
    # The second fan is logged in where the link is opened.
    for email, status in (("owner@example.org", 422), ("member@example.org", 200)):
        _, device = await fan_with_passkey(api, email)
        async with visitor(base_url) as client:
            if status == 200:
                await submit(client, login_url(api), contact=email, password=PASSWORD)
            link = await link_to(client, db, api, gateways, email)
            assert "Your password is set" in (await submit(client, link, password=NEW)).text
        assert await can_log_in(api, email, NEW)
        assert (await try_log_in(api, device)).status_code == status, email


async def test_messages_are_counted_whoever_asks(api: Api, base_url: str) -> None:
    await registered(api, "cleo@example.org")
    path = login_url(api, "/crm/oauth/forgotten")
    async with visitor(base_url) as client:
        for contact in ("cleo@example.org", "no-one@example.org"):
            first = await submit(client, path, contact=contact)
            assert first.status_code == 303
            second = await submit(client, path, contact=contact)
            assert second.status_code == 429
            assert int(second.headers["retry-after"]) > 0
        assert (await submit(client, path, contact="12")).status_code == 422
    answer = await try_connect(api, "verify_email", email="cleo@example.org")
    assert answer.status_code == 429, "codes and links have one budget"


async def test_links_end(api: Api, other_api: Api, base_url: str, db: Db) -> None:
    async def status(link: str) -> int:
        async with visitor(base_url) as client:
            return (await client.get(link)).status_code

    dana = await registered(api, "dana@example.org")
    link = await link_of(api, dana["fan_id"])
    assert await status(link) == 200
    assert await status(link.replace(f"account_id={api.account_id}", f"account_id={other_api.account_id}")) == 404
    assert await status(f"/crm/reset?account_id={api.account_id}&reset_uid={uuid.uuid4()}") == 404
    assert await status(f"/crm/reset?account_id={api.account_id}&reset_uid=x") == 422
    old = "update password_resets set expires_at = now() - interval '1 second' where account_id = $1"
    await db.execute(old, api.account_id)
    assert await status(link) == 404
    await forget_resets(db, api.account_id, datetime.now(UTC))
    assert await db.value("select count(*) from password_resets where account_id = $1", api.account_id) == 0
    link = await link_of(api, dana["fan_id"])
    await api.ok(await api.post(f"/api/v1/crm/fans/{dana['fan_id']}", password="another horse"))
    assert await status(link) == 404, "a new password ends links"
    link = await link_of(api, dana["fan_id"])
    await api.ok(await api.post(f"/api/v1/manage/fans/{dana['fan_id']}/erase"))
    assert await status(link) == 404


async def test_a_link_to_an_address_ends_when_the_fan_has_another(
    api: Api, base_url: str, db: Db, gateways: Any
) -> None:
    eve = await registered(api, "eve@example.org")
    async with visitor(base_url) as client:
        link = await link_to(client, db, api, gateways, "eve@example.org")
        await api.ok(await api.post(f"/api/v1/crm/fans/{eve['fan_id']}", email="eve.new@example.org"))
        assert (await client.get(link)).status_code == 404


async def test_of_many_forms_at_once_one_sets_the_password(api: Api, base_url: str) -> None:
    finn = await registered(api, "finn@example.org")
    link = await link_of(api, finn["fan_id"])
    async with visitor(base_url) as client:
        token = token_in(await client.get(link))
        passwords = [f"{NEW} {number}" for number in range(6)]
        answers = await asyncio.gather(
            *(client.post(link, data={"form_token": token, "password": each}) for each in passwords)
        )
    assert sorted(each.status_code for each in answers) == [200] + [404] * 5
    (index,) = [number for number, each in enumerate(answers) if each.status_code == 200]
    assert await can_log_in(api, "finn@example.org", passwords[index])


async def test_a_repeated_call_does_not_return_the_id_again(api: Api) -> None:
    gail = await registered(api, "gail@example.org")
    path, key = f"/api/v1/crm/fans/{gail['fan_id']}", {"Idempotency-Key": "reset-1"}
    assert (await api.post(path, key, reset_uid=True)).status_code == 200
    again = await api.post(path, key, reset_uid=True)
    assert (again.status_code, again.json()["code"]) == (409, "answer_not_stored")
    plain = {"Idempotency-Key": "plain-1"}
    answers = [await api.post(path, plain, first_name="Gail") for _ in range(2)]
    assert [each.json() for each in answers] == [{"fan_id": gail["fan_id"]}] * 2
