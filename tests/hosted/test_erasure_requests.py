"""A fan asks to be erased: staff or the time decide, the fan takes it back, or the last mail has the certificate."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fanfare.hosted.jobs import erase_as_requested
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.messages.actions.delivery import deliver
from fanfare.messages.gateways.outgoing import outgoing
from tests.api import Api
from tests.hosted.test_my_data import HOME, browser, registered, send
from tests.messages.gateways import http_gateway, mail_server

REQUESTS = "/api/v1/manage/erasure_requests"
SETTINGS = "/api/v1/manage/erasure_settings"


async def listed(api: Api, **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await api.ok(await api.get(REQUESTS, **query)))["data"]
    return rows


async def ask(api: Api, base_url: str, session: Any, language: str = "en") -> dict[str, Any]:
    """Ask for erasure on the page and return the request."""
    async with browser(base_url, api, session) as client:
        client.headers["Accept-Language"] = language
        assert (await send(client, f"{HOME}/erasure", is_confirmed="true")).status_code == 303
    (row,) = await listed(api, fan_id=session["fan_id"])
    return row


async def decide(api: Api, row: dict[str, Any], decision: str) -> Any:
    return await api.post(f"{REQUESTS}/{row['erasure_request_id']}", decision=decision)


async def test_a_request_is_confirmed_listed_and_taken_back(api: Api, db: Db, base_url: str) -> None:
    ada = await registered(api, "ada@example.org")
    async with browser(base_url, api, ada) as client:
        page = await send(client, f"{HOME}/erasure")
        assert page.status_code == 422
        assert "Please tick this to confirm." in page.text
        assert await listed(api, fan_id=ada["fan_id"]) == []
        await send(client, f"{HOME}/erasure", is_confirmed="true")
        (row,) = await listed(api, fan_id=ada["fan_id"], state="waiting")
        assert row["due_timestamp"] - row["creation_timestamp"] == 30 * 86400
        assert (row["source"], row["erase_timestamp"]) == ("my data page", None)
        assert "You asked us to erase your data" in (await client.get(HOME)).text
        await send(client, HOME, f"{HOME}/withdrawal")
        assert "You asked us to erase your data" not in (await client.get(HOME)).text
    (row,) = await listed(api, fan_id=ada["fan_id"])
    assert row["state"] == "withdrawn"
    refused = await decide(api, row, "erase")
    assert (refused.status_code, refused.json()["code"]) == (409, "request_decided")
    topics = await db.rows(
        "select topic, data from changes where account_id = $1 and fan_id = $2 and topic like 'erasure_request.%'"
        " order by position",
        api.account_id,
        ada["fan_id"],
    )
    assert [(each["topic"], each["data"]) for each in topics] == [
        ("erasure_request.created", {}), ("erasure_request.updated", {"is_done": False, "is_refused": False}),
    ]  # fmt: skip


async def test_a_request_repeated_by_many_at_once_is_one(api: Api) -> None:
    fan = await api.ok(await api.post("/api/v1/crm/fans", email="bob@example.org"))
    answers = await asyncio.gather(*(api.post(REQUESTS, **fan) for _ in range(6)))
    assert len({(await api.ok(each))["erasure_request_id"] for each in answers}) == 1
    assert (await api.post(REQUESTS, fan_id=10**12)).status_code == 404


async def test_staff_refuse(api: Api, other_api: Api, base_url: str) -> None:
    cleo = await registered(api, "cleo@example.org")
    row = await ask(api, base_url, cleo)
    assert (await decide(other_api, row, "erase")).status_code == 404
    assert (await api.ok(await decide(api, row, "refuse")))["state"] == "refused"
    assert (await api.get(f"/api/v1/crm/fans/{cleo['fan_id']}")).status_code == 200


@pytest.mark.parametrize("answer", ["250 OK: queued for {}", "550 5.1.1 no {} here"])
async def test_staff_erase_and_the_last_mail_leaves_no_address(
    api: Api, db: Db, base_url: str, settings: Settings, answer: str
) -> None:
    email = f"dana{answer[:3]}@example.org"
    dana = await registered(api, email)
    row = await ask(api, base_url, dana, "de")
    result = await api.ok(await decide(api, row, "erase"))
    assert (result["state"], (await decide(api, row, "erase")).status_code) == ("done", 409)
    certificate = await api.ok(await api.get(f"/api/v1/manage/erasures/{result['erasure_id']}"))
    assert (certificate["fan_id"], certificate["erasure_source"]) == (dana["fan_id"], "erasure request")
    assert (await api.get(f"/api/v1/crm/fans/{dana['fan_id']}")).status_code == 404
    message_id = await db.value(
        "select message_id from messages where account_id = $1 and recipient = $2", api.account_id, email
    )
    with mail_server() as mailbox:
        command = "mail" if answer.startswith("250") else "rcpt"
        mailbox.replies[command] = [answer.format(email)]
        outgoing.use(settings.replace(smtp_url=mailbox.url, mail_from="news@northside.example.com"))
        await deliver(db, api.account_id, message_id, datetime.now(UTC))
        outgoing.use(settings)
    if command == "mail":
        (mail,) = mailbox.mails
        assert mail["to"] == email
        assert "sind gelöscht" in mail["subject"]
        text = next(iter(mail.iter_parts())).get_content()
        assert str(result["erasure_id"]) in text
        assert certificate["digest"] in text
    for table in ("messages", "suppressions", "changes", "erasure_requests"):
        rows = await db.rows(f"select t::text from {table} t where account_id = $1", api.account_id)
        assert email not in str(rows), table


async def test_who_has_a_number_alone_gets_the_certificate_by_sms(api: Api, db: Db, settings: Settings) -> None:
    fan = await api.ok(await api.post("/api/v1/crm/fans", phone="+16045550177"))
    row = await api.ok(await api.post(REQUESTS, **fan))
    result = await api.ok(await decide(api, row, "erase"))
    message_id = await db.value(
        "select message_id from messages where account_id = $1 and recipient = '+16045550177'", api.account_id
    )
    with http_gateway() as inbox:
        outgoing.use(settings.replace(sms_url=f"{inbox.url}/send"))
        await deliver(db, api.account_id, message_id, datetime.now(UTC))
        outgoing.use(settings)
    ((_, _, body),) = inbox.requests
    assert str(result["erasure_id"]) in body["text"]
    rows = await db.rows("select t::text from messages t where account_id = $1", api.account_id)
    assert "6045550177" not in str(rows)


async def test_without_a_gateway_the_last_mail_is_not_stored(api: Api, db: Db) -> None:
    fan = await api.ok(await api.post("/api/v1/crm/fans", email="eve@example.org"))
    row = await api.ok(await api.post(REQUESTS, **fan))
    await api.ok(await decide(api, row, "erase"))
    sql = "select message_id from messages where account_id = $1 and recipient = 'eve@example.org'"
    message_id = await db.value(sql, api.account_id)
    assert message_id is not None
    await deliver(db, api.account_id, message_id, datetime.now(UTC))
    assert await db.value(sql, api.account_id) is None


async def test_the_time_decides_where_the_account_lets_it(other_api: Api, db: Db, base_url: str) -> None:
    api = other_api
    assert (await api.post(SETTINGS, automatic_days=31)).status_code == 422
    assert await api.ok(await api.post(SETTINGS, automatic_days=3)) == {"automatic_days": 3}
    assert await api.ok(await api.get(SETTINGS)) == {"automatic_days": 3}
    finn, gail = [await registered(api, f"{name}@example.org") for name in ("finn", "gail")]
    async with browser(base_url, api, finn) as client:
        assert "It happens by itself on" in (await client.get(f"{HOME}/erasure")).text
    first, second = await ask(api, base_url, finn), await ask(api, base_url, gail)
    assert first["erase_timestamp"] - first["creation_timestamp"] == 3 * 86400
    async with browser(base_url, api, gail) as client:
        await send(client, HOME, f"{HOME}/withdrawal")
    now = datetime.now(UTC)
    for moment, state in ((now + timedelta(days=2), "waiting"), (now + timedelta(days=3), "done")):
        await erase_as_requested(db, api.account_id, moment)
        assert [each["state"] for each in await listed(api, fan_id=finn["fan_id"])] == [state]
    assert [each["state"] for each in await listed(api, fan_id=gail["fan_id"])] == ["withdrawn"]
    assert second["erasure_request_id"] > first["erasure_request_id"]
    await api.ok(await api.post(SETTINGS))
    assert await api.ok(await api.get(SETTINGS)) == {"automatic_days": None}


async def test_a_request_follows_a_merge_and_ends_with_any_erasure(api: Api) -> None:
    ids = [
        (await api.ok(await api.post("/api/v1/crm/fans", email=f"merged{number}@example.org")))["fan_id"]
        for number in range(3)
    ]
    for fan_id in ids[:2]:
        await api.ok(await api.post(REQUESTS, fan_id=fan_id))
    await api.ok(await api.post(f"/api/v1/manage/fans/{ids[0]}/merge", merged_fan_id=ids[1]))
    assert sorted(each["state"] for each in await listed(api, fan_id=ids[0])) == ["waiting", "withdrawn"]
    await api.ok(await api.post(f"/api/v1/manage/fans/{ids[2]}/merge", merged_fan_id=ids[0]))
    await api.ok(await api.post(f"/api/v1/manage/fans/{ids[2]}/erase"))
    assert sorted(each["state"] for each in await listed(api, fan_id=ids[2])) == ["done", "withdrawn"]
