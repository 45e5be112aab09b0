"""Messages and fans: merged, separated, erased, exported; and what is suppressed."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from fanfare.kernel.data.db import Db
from fanfare.messages.actions.delivery import deliver
from tests.api import Api
from tests.messages.gateways import Mailbox
from tests.messages.sending import CODE, login_code, message_row, queue, send_now
from tests.running import PATIENCE


async def fan(api: Api, email: str) -> int:
    fan_id: int = (await api.ok(await api.post("/api/v1/crm/fans", email=email, first_name="Ada")))["fan_id"]
    return fan_id


async def listed(api: Api, **query: object) -> list[int]:
    page = await api.ok(await api.get("/api/v1/manage/messages", **query))
    return [each["message_id"] for each in page["data"]]


@pytest.mark.usefixtures("mailbox")
async def test_messages_follow_a_merge_and_its_end(api: Api, db: Db) -> None:
    one, two = await fan(api, "one@example.com"), await fan(api, "two@example.com")
    row = await send_now(db, api.account_id, login_code(recipient="two@example.com", fan_id=two))
    await api.ok(await api.post(f"/api/v1/manage/fans/{one}/merge", merged_fan_id=two))
    assert await listed(api, fan_id=one) == [row["message_id"]]
    await api.ok(await api.post(f"/api/v1/manage/fans/{one}/unmerge", merged_fan_id=two))
    assert await listed(api, fan_id=one) == []
    assert await listed(api, fan_id=two) == [row["message_id"]]


async def test_an_erased_fan_leaves_no_word_and_gets_no_more(api: Api, db: Db, mailbox: Mailbox) -> None:
    email = "erased.person@example.com"
    fan_id = await fan(api, email)
    done = await send_now(db, api.account_id, login_code(recipient=email, fan_id=fan_id, request_key=f"login:{email}"))
    # one before anybody knew whose address it is
    stray = await send_now(db, api.account_id, login_code(recipient="Erased.Person@example.com"))
    waiting = await queue(db, api.account_id, login_code(recipient=email, fan_id=fan_id))
    await api.ok(await api.post("/api/v1/manage/suppressions", channel="email", recipient=email))
    exported = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/export"))
    assert [each["recipient"] for each in exported["tables"]["messages"]] == [email, email]
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    await deliver(db, api.account_id, waiting, datetime.now(UTC))
    assert len(mailbox.raw) == 2
    rows = [await message_row(db, api.account_id, each) for each in (done["message_id"], stray["message_id"], waiting)]
    assert [row["message_state"] for row in rows] == ["sent", "sent", "failed"]
    assert "erased.person" not in repr([dict(row) for row in rows]).casefold()
    suppressed = await api.ok(await api.get("/api/v1/manage/suppressions"))
    assert [each["address"] for each in suppressed] == [None]
    # The suppression still holds.
    assert (await send_now(db, api.account_id, login_code(recipient=email)))["message_state"] == "suppressed"


@pytest.mark.parametrize(
    ("command", "answer", "state"),
    [
        ("rcpt", "550 5.1.1 no {email} here", "failed"),
        ("mail", "250 OK: queued for {email}", "sent"),
        ("mail", "451 4.3.0 later", "failed"),
        ("mail", "550 5.7.1 spam", "failed"),
    ],
)
async def test_a_fan_erased_while_a_mail_is_sent_leaves_no_word(
    api: Api, db: Db, mailbox: Mailbox, command: str, answer: str, state: str
) -> None:
    email, loop = f"{uuid.uuid4().hex}@example.com", asyncio.get_running_loop()
    fan_id = await fan(api, email)

    async def erase() -> None:
        await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))

    hook = {"rcpt": "on_recipient", "mail": "on_mail"}[command]
    setattr(mailbox, hook, lambda: asyncio.run_coroutine_threadsafe(erase(), loop).result(PATIENCE))
    mailbox.replies[command] = [answer.format(email=email)]
    row = await send_now(db, api.account_id, login_code(recipient=email, fan_id=fan_id, expires_at=None))
    assert (row["message_state"], row["recipient"], row["answer"], row["text_body"]) == (state, None, None, None)
    sql = "select count(*) from suppressions where account_id = $1 and address = $2"
    assert await db.value(sql, api.account_id, email) == 0


@pytest.mark.usefixtures("mailbox")
async def test_the_record_is_listed_and_read_without_its_code(api: Api, other_api: Api, db: Db) -> None:
    row = await send_now(db, api.account_id, login_code(recipient="listed@example.com"))
    path = f"/api/v1/manage/messages/{row['message_id']}"
    message = await api.ok(await api.get(path))
    assert (message["state"], message["recipient"], message["subject"]) == (
        "sent", "listed@example.com", "•••••• is your code for Northside",
    )  # fmt: skip
    assert CODE not in repr(message)
    assert await listed(api, recipient="listed@example.com", state="sent", channel="email") == [row["message_id"]]
    assert await listed(api, recipient="listed@example.com", channel="sms") == []
    assert (await other_api.get(path)).status_code == 404


async def test_lists_are_read_to_their_end(other_api: Api, db: Db) -> None:
    ids = [await queue(db, other_api.account_id, login_code()) for _ in range(5)]
    observed: list[int] = []
    query: dict[str, int] = {}
    while True:
        page = await other_api.ok(await other_api.get("/api/v1/manage/messages", limit=2, **query))
        observed += [each["message_id"] for each in page["data"]]
        query = {"max_message_id": page["meta"]["min_message_id"]}
        if not page["meta"]["has_more"]:
            break
    assert observed == ids[::-1]


async def test_a_suppression_holds_until_it_is_lifted(other_api: Api, db: Db, mailbox: Mailbox) -> None:
    path = "/api/v1/manage/suppressions"
    for spelling in ("Loud@Example.com", "loud@example.com"):
        await other_api.ok(await other_api.post(path, channel="email", recipient=spelling))
    (row,) = await other_api.ok(await other_api.get(path, recipient="Loud@example.com"))
    assert (row["reason"], row["message_id"]) == ("manual", None)
    account_id = other_api.account_id
    assert (await send_now(db, account_id, login_code(recipient="loud@example.com")))["message_state"] == "suppressed"
    waiting = await queue(db, account_id, login_code(recipient="late@example.com"))
    await other_api.ok(await other_api.post(path, channel="email", recipient="late@example.com"))
    await deliver(db, account_id, waiting, datetime.now(UTC))
    assert (await message_row(db, account_id, waiting))["message_state"] == "suppressed"
    assert mailbox.raw == []
    await other_api.ok(await other_api.delete(f"{path}/{row['suppression_id']}"))
    assert (await send_now(db, account_id, login_code(recipient="loud@example.com")))["message_state"] == "sent"
    assert (await other_api.delete(f"{path}/{row['suppression_id']}")).status_code == 404


async def test_wrong_addresses_are_named(api: Api) -> None:
    for path, values in (
        ("manage/suppressions", {"channel": "email", "recipient": "ada"}),
        ("manage/suppressions", {"channel": "sms", "recipient": "12"}),
        ("manage/message_templates/send", {"channel": "email", "recipient": "ada", "template_name": "login_code"}),
    ):
        answer = await api.post(f"/api/v1/{path}", **values)
        assert [each["field"] for each in answer.json()["errors"]] == ["recipient"]


async def test_a_sample_is_sent(api: Api, db: Db, mailbox: Mailbox) -> None:
    values = {"channel": "email", "recipient": "ops@example.com", "template_name": "password_reset", "language": "fr"}
    answer = await api.ok(await api.post("/api/v1/manage/message_templates/send", **values))
    await deliver(db, api.account_id, answer["message_id"], datetime.now(UTC))
    assert mailbox.mails[0]["subject"] == "Votre nouveau mot de passe pour Northside"
