"""Messages leave by the queue in the transaction of their cause, once, and leave a record."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.http_client import http_client
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings
from fanfare.messages.actions.delivery import PAUSES, deliver, next_try
from fanfare.messages.actions.sending import send
from fanfare.messages.gateways.outgoing import outgoing
from tests.api import Api
from tests.messages.gateways import HttpInbox, Mailbox
from tests.messages.sending import CODE, FROM, jobs_of, login_code, message_row, queue, send_now

NOW = datetime.now(UTC)


async def test_a_mail_arrives_in_text_and_html_and_the_record_masks_the_code(
    api: Api, db: Db, mailbox: Mailbox
) -> None:
    row = await send_now(db, api.account_id, login_code(language="de-CH"))
    (mail,) = mailbox.mails
    assert mail["to"] == "ada@example.com"
    assert mail["from"] == FROM
    assert mail["subject"] == f"{CODE} ist Ihr Code für Northside"
    text, html = (part.get_content() for part in mail.iter_parts())
    assert CODE in text
    assert "Ihr Code zum Anmelden" in html
    assert CODE in html
    assert (row["message_state"], row["try_count"], row["sealed_values"]) == ("sent", 1, None)
    assert row["answer"] == "250 OK: queued as 4711"
    assert row["subject"] == "•••••• ist Ihr Code für Northside"
    assert "••••••" in row["text_body"]
    assert CODE not in repr(dict(row))


LONG_NAMES = ["Harbour City Football Club " * 9 + "of 1891", "🎤é" * 126]


async def some_business(api: Api, name: str) -> int:
    saved = await api.ok(await api.post("/api/v1/manage/businesses", business_name=name))
    business_id: int = saved["business_id"]
    return business_id


@pytest.mark.parametrize("name", LONG_NAMES)
@pytest.mark.parametrize("language", ["en", "de", "fr"])
async def test_a_business_with_a_long_name_sends_mail(
    api: Api, db: Db, mailbox: Mailbox, name: str, language: str
) -> None:
    business_id = await some_business(api, name + language)
    for template, secret in (("login_code", "code"), ("verify_code", "code"), ("password_reset", "link")):
        new = login_code(template=template, language=language, secrets={secret: CODE}, business_id=business_id)
        row = await send_now(db, api.account_id, new)
        assert (row["message_state"], len(row["subject"]) < 200) == ("sent", True), row["answer"]
    assert all(f"{name[:79].rstrip()}…" in str(each["subject"]) for each in mailbox.mails)


@pytest.mark.parametrize("name", LONG_NAMES)
async def test_a_business_with_a_long_name_sends_sms(api: Api, db: Db, inbox: HttpInbox, name: str) -> None:
    sms = login_code(channel="sms", recipient="+16045550123", business_id=await some_business(api, f"{name}!"))
    assert (await send_now(db, api.account_id, sms))["message_state"] == "sent"
    assert name[:79].rstrip() in inbox.requests[0][2]["text"]


async def test_an_sms_arrives_and_an_answer_that_repeats_it_is_not_recorded(api: Api, db: Db, inbox: HttpInbox) -> None:
    row = await send_now(db, api.account_id, login_code(channel="sms", recipient="+16045550123"))
    ((path, headers, body),) = inbox.requests
    assert (path, body) == ("/send", {"to": "+16045550123", "text": f"Northside: Your code to log in: {CODE}"})
    assert headers["idempotency-key"].startswith(f"fm-{api.account_id}-{row['message_id']}-")
    assert (row["message_state"], row["answer"]) == ("sent", "HTTP 201")
    assert CODE not in repr(dict(row))


async def test_an_sms_to_a_gateway_inside_that_is_not_allowed_waits_and_says_why(
    api: Api, db: Db, inbox: HttpInbox, settings: Settings
) -> None:
    http_client.use(settings.replace(outgoing_allowed=("10.0.0.0/8",)))
    try:
        row = await send_now(db, api.account_id, login_code(channel="sms", recipient="+16045550123"))
    finally:
        http_client.use(settings)
    assert (row["message_state"], inbox.requests) == ("queued", [])
    assert "FANFARE_OUTGOING_ALLOWED" in row["answer"]


async def test_nothing_is_queued_when_the_cause_fails(api: Api, db: Db) -> None:
    before = await jobs_of(db, api.account_id)
    new = login_code()

    async def fail() -> None:
        async with db.transaction() as tx:
            await send(tx, api.account_id, new, NOW)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await db.value("select count(*) from messages where request_key = $1", new.request_key) == 0
    assert await jobs_of(db, api.account_id) == before


async def test_a_request_repeated_at_once_by_many_is_one_mail(api: Api, db: Db, mailbox: Mailbox) -> None:
    new = login_code()
    ids = set(await asyncio.gather(*(queue(db, api.account_id, new) for _ in range(8))))
    assert len(ids) == 1
    message_id = ids.pop()
    await asyncio.gather(*(deliver(db, api.account_id, message_id, NOW) for _ in range(8)))
    assert len(mailbox.raw) == 1
    assert (await message_row(db, api.account_id, message_id))["message_state"] == "sent"


async def test_the_same_request_of_another_account_is_another(
    api: Api, other_api: Api, db: Db, mailbox: Mailbox
) -> None:
    new = login_code()
    await send_now(db, api.account_id, new)
    await send_now(db, other_api.account_id, new)
    assert [mail["subject"] for mail in mailbox.mails] == [
        f"{CODE} is your code for Northside", f"{CODE} is your code for Southside",
    ]  # fmt: skip


@pytest.mark.parametrize(("command", "answer"), [("rcpt", "451 4.7.1 greylisted"), ("data", "451 4.7.1")])
async def test_what_a_server_puts_off_is_tried_again_later(
    api: Api, db: Db, mailbox: Mailbox, command: str, answer: str
) -> None:
    mailbox.replies[command] = ["451 4.7.1 greylisted"]
    before = await jobs_of(db, api.account_id)
    row = await send_now(db, api.account_id, login_code(expires_at=None))
    assert (row["message_state"], row["try_count"], row["answer"]) == ("queued", 1, answer)
    assert row["due_at"] > row["created_at"]
    assert await jobs_of(db, api.account_id) == before + 2
    await deliver(db, api.account_id, row["message_id"], NOW)
    row = await message_row(db, api.account_id, row["message_id"])
    assert (row["message_state"], row["try_count"]) == ("sent", 2)
    assert len(mailbox.raw) == 1


async def test_a_server_that_is_away_is_tried_again(api: Api, db: Db, settings: Settings, mailbox: Mailbox) -> None:
    outgoing.use(settings.replace(smtp_url="smtp://127.0.0.1:1?tls=none", mail_from=FROM))
    row = await send_now(db, api.account_id, login_code())
    assert (row["message_state"], row["answer"]) == ("queued", "no answer of the mail server: SMTPConnectError")
    outgoing.use(settings.replace(smtp_url=mailbox.url, mail_from=FROM))
    await deliver(db, api.account_id, row["message_id"], NOW)
    assert (await message_row(db, api.account_id, row["message_id"]))["message_state"] == "sent"


def test_pauses_grow_and_end() -> None:
    row = {"try_count": 0, "expires_at": None}
    due = [next_try({**row, "try_count": tries}, NOW, chance=0.5) for tries in range(len(PAUSES) + 1)]
    assert [each and (each - NOW).total_seconds() for each in due] == [*PAUSES, None]
    assert next_try({**row, "expires_at": NOW + timedelta(seconds=9)}, NOW, chance=0.5) is None
    assert next_try(row, NOW, chance=0.0) != next_try(row, NOW, chance=1.0)


async def test_an_address_that_does_not_exist_gets_no_more_mail(api: Api, db: Db, mailbox: Mailbox) -> None:
    mailbox.replies["rcpt"] = ["550 5.1.1 no such user"]
    row = await send_now(db, api.account_id, login_code(recipient="Gone@example.com"))
    assert (row["message_state"], row["answer"]) == ("failed", "550 5.1.1 no such user")
    row = await send_now(db, api.account_id, login_code(recipient="gone@EXAMPLE.com"))
    assert row["message_state"] == "suppressed"
    assert mailbox.raw == []


async def test_a_mail_that_is_refused_for_what_it_says_suppresses_nobody(api: Api, db: Db, mailbox: Mailbox) -> None:
    mailbox.replies["data"] = ["554 5.7.1 looks like spam"]
    assert (await send_now(db, api.account_id, login_code(recipient="bea@example.com")))["message_state"] == "failed"
    assert (await send_now(db, api.account_id, login_code(recipient="bea@example.com")))["message_state"] == "sent"


async def test_what_has_expired_is_not_sent(api: Api, db: Db, mailbox: Mailbox) -> None:
    row = await send_now(db, api.account_id, login_code(), now=datetime.now(UTC) + timedelta(minutes=11))
    assert (row["message_state"], row["sealed_values"]) == ("expired", None)
    assert mailbox.raw == []


async def test_a_gateway_that_may_have_sent_is_not_asked_again(api: Api, db: Db, inbox: HttpInbox) -> None:
    inbox.statuses = [500, 503, 302]
    number = {"channel": "sms", "recipient": "+16045550124"}
    row = await send_now(db, api.account_id, login_code(**number))
    assert (row["message_state"], row["answer"]) == ("unconfirmed", "HTTP 500")
    row = await send_now(db, api.account_id, login_code(**number))
    assert (row["message_state"], row["answer"]) == ("queued", "HTTP 503")
    inbox.location = f"{inbox.url}/elsewhere"
    row = await send_now(db, api.account_id, login_code(**number))
    assert (row["message_state"], row["answer"]) == ("failed", "HTTP 302")
    assert [path for path, *_ in inbox.requests] == ["/send"] * 3


async def test_a_message_is_stored_where_no_gateway_is_set(api: Api, db: Db) -> None:
    row = await send_now(db, api.account_id, login_code())
    assert row["message_state"] == "stored"
    assert "••••••" in row["subject"]
    assert CODE not in repr(dict(row))
    assert CODE.encode() in secret_keys.unseal("messages.values", row["sealed_values"])


async def test_values_that_are_not_those_of_the_template_are_a_fault(api: Api, db: Db) -> None:
    with pytest.raises(TypeError, match="login_code takes"):
        await queue(db, api.account_id, login_code(values={"minutes": 10, "code": CODE}, secrets={}))


async def test_an_endless_answer_is_not_read(api: Api, db: Db, settings: Settings) -> None:
    read = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        await writer.drain()
        # until the other side has enough of it
        while await reader.read(1000):
            pass
        read.set()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        outgoing.use(settings.replace(sms_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
        row = await send_now(db, api.account_id, login_code(channel="sms", recipient="+16045550123"))
        assert (row["message_state"], row["answer"]) == ("sent", "HTTP 200")
        await read.wait()
    outgoing.use(settings)
