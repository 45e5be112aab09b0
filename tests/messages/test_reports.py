"""Bounces and complaints come in by a signed door, and end mail to the address of the message that came back."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.kernel.running.settings import Settings
from fanfare.messages.reports.parsing import is_unreachable, read_mail
from fanfare.messages.reports.references import messages_in, reference
from tests.api import Answer, Api
from tests.conftest import SECRET_KEY
from tests.messages.gateways import Mailbox
from tests.messages.sending import login_code, message_row, new_fan, send_now
from tests.running import PATIENCE

BOUNCE = """\
From: Mail Delivery System <mailer-daemon@mx.example.com>
Subject: Undelivered Mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It did not work.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; somebody.else@example.com
Action: {action}
Status: {status}

--b
Content-Type: text/rfc822-headers

Message-ID: <{reference}@northside.example.com>
Subject: 728194 is your code
--b--
"""
COMPLAINT = """\
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

Somebody complained.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Mailbox/1.0
Version: 1

--b
Content-Type: message/rfc822

Message-ID: <{reference}@northside.example.com>

Hello
--b--
"""


def bounce(mark: str, status: str = "5.1.1", action: str = "failed") -> bytes:
    return BOUNCE.format(reference=mark, status=status, action=action).replace("\n", "\r\n").encode()


async def door(api: Api) -> tuple[str, bytes]:
    settings = await api.ok(await api.get("/api/v1/manage/message_reports"))
    return settings["path"], base64.b64decode(settings["secrets"][0].removeprefix("whsec_"))


async def report(api: Api, body: bytes, kind: str = "message/rfc822", **headers: str) -> Answer:
    """Send a report, signed as Standard Webhooks has it."""
    path, key = await door(api)
    report_id, stamp = uuid.uuid4().hex, str(int(time.time()))
    signature = hmac.new(key, f"{report_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signed = {
        "Content-Type": kind,
        "webhook-id": report_id,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1,AAAA v1," + base64.b64encode(signature).decode(),
    }
    return await api.client.post(path, content=body, headers={**signed, **headers})


async def noted(api: Api, body: bytes, kind: str = "message/rfc822") -> int:
    count: int = (await api.ok(await report(api, body, kind)))["count"]
    return count


async def message(api: Api, db: Db, recipient: str) -> tuple[int, str]:
    row = await send_now(db, api.account_id, login_code(recipient=recipient))
    return row["message_id"], reference(api.account_id, row["message_id"])


async def reasons(api: Api, recipient: str) -> list[tuple[str, int]]:
    rows = await api.ok(await api.get("/api/v1/manage/suppressions", recipient=recipient))
    return [(row["reason"], row["message_id"]) for row in rows]


async def test_a_bounce_ends_mail_to_the_address_of_its_message(api: Api, db: Db, mailbox: Mailbox) -> None:
    message_id, mark = await message(api, db, "gone@example.com")
    assert mailbox.mails[0]["message-id"] == f"<{mark}@northside.example.com>"
    for _ in range(2):
        assert await noted(api, bounce(mark)) == 1
    assert await reasons(api, "gone@example.com") == [("bounce", message_id)]
    # Whoever a report says it is about is not asked.
    assert await reasons(api, "somebody.else@example.com") == []
    details = await api.ok(await api.get(f"/api/v1/manage/messages/{message_id}"))
    assert (details["bounce_timestamp"] is None, details["report_timestamp"]) == (False, None)
    topics = await db.rows(
        "select topic from changes where account_id = $1 and subject_id = $2 order by position",
        api.account_id,
        str(message_id),
    )
    assert [row["topic"] for row in topics] == ["message.created", "message.sent", "message.bounced"]
    assert (await send_now(db, api.account_id, login_code(recipient="Gone@example.com")))[
        "message_state"
    ] == "suppressed"


@pytest.mark.usefixtures("mailbox")
async def test_a_full_mailbox_or_a_delay_ends_nothing(api: Api, db: Db) -> None:
    _, mark = await message(api, db, "full@example.com")
    assert await noted(api, bounce(mark, "5.2.2")) == 1
    assert await noted(api, bounce(mark, "4.4.1", "delayed")) == 0
    assert await reasons(api, "full@example.com") == []


@pytest.mark.usefixtures("mailbox")
async def test_a_complaint_ends_mail(api: Api, db: Db) -> None:
    message_id, mark = await message(api, db, "cross@example.com")
    assert await noted(api, COMPLAINT.format(reference=mark).encode()) == 1
    assert await reasons(api, "cross@example.com") == [("complaint", message_id)]
    assert (await message_row(db, api.account_id, message_id))["reported_at"] is not None


def complaint(kind: str, mark: str, moment: datetime | None) -> tuple[bytes, str]:
    """Return the body of a complaint and its content type, as a mailbox provider or a gateway sends it."""
    if kind == "mail":
        date = f"Date: {format_datetime(moment)}\n" if moment else ""
        return (date + COMPLAINT.format(reference=mark)).encode(), "message/rfc822"
    timestamp = {"timestamp": int(moment.timestamp())} if moment else {}
    entry = {"type": "complaint", "reference": mark, **timestamp}
    return json.dumps({"reports": [entry]}).encode(), "application/json"


async def words(api: Api, fan_id: int) -> list[tuple[str, bool, str]]:
    rows = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/consents"))
    return [(row["channel"], row["is_granted"], row["consent_source"]) for row in rows]


@pytest.mark.usefixtures("mailbox")
@pytest.mark.parametrize("kind", ["mail", "gateway"])
async def test_a_complaint_is_a_no_in_the_ledger_of_consents(api: Api, db: Db, kind: str) -> None:
    email = f"complains.by.{kind}@example.com"
    yes = {"is_subscribed": True, "is_phone_subscribed": True}
    fan_id = await new_fan(api, email, consent_timestamp="2020-01-01T00:00:00Z", **yes)
    # One message names the fan, the other only the address.
    rows = [await send_now(db, api.account_id, login_code(recipient=email, fan_id=each)) for each in (fan_id, None)]
    for row in rows:
        for _ in range(2):
            assert await noted(api, *complaint(kind, reference(api.account_id, row["message_id"]), None)) == 1
    assert (await words(api, fan_id))[2:] == [("email", False, "complaint")] * 2, "once for each message"
    (*_, proof) = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/consents"))
    assert proof["wording"] == f"The recipient reported message {rows[1]['message_id']} as unwanted."
    fan = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}"))
    assert (fan["is_subscribed"], fan["is_phone_subscribed"]) == (False, True)


# When the complaint was made and when the fan agreed, in minutes from now, and whether mail is welcome afterwards.
ORDERS: dict[str, tuple[int | None, int, bool]] = {
    "a newer yes": (-20, -10, True),
    "an older yes": (-10, -20, False),
    "at the same time": (-10, -10, False),
    "a complaint without a time": (None, -10, False),
    "a complaint from the future": (1000, -10, False),
    "a complaint from before the message": (-1000, -100, False),
}


@pytest.mark.usefixtures("mailbox")
@pytest.mark.parametrize("kind", ["mail", "gateway"])
@pytest.mark.parametrize("order", ORDERS)
async def test_a_complaint_counts_by_its_time(api: Api, db: Db, kind: str, order: str) -> None:
    complaint_minutes, yes_minutes, is_welcome = ORDERS[order]
    now = datetime.now(UTC).replace(microsecond=0)
    email = f"{list(ORDERS).index(order)}.{kind}@example.com"
    fan_id = await new_fan(api, email)
    row = await send_now(db, api.account_id, login_code(recipient=email, fan_id=fan_id))
    old = "update messages set created_at = $3 where account_id = $1 and message_id = $2"
    await db.execute(old, api.account_id, row["message_id"], now - timedelta(minutes=30))
    moment = None if complaint_minutes is None else now + timedelta(minutes=complaint_minutes)
    yes = {"is_subscribed": True, "consent_timestamp": (now + timedelta(minutes=yes_minutes)).isoformat()}
    await api.ok(await api.post(f"/api/v1/crm/fans/{fan_id}", **yes))
    await noted(api, *complaint(kind, reference(api.account_id, row["message_id"]), moment))
    fan = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}"))
    assert fan["is_subscribed"] is is_welcome
    assert ("email", False, "complaint") in await words(api, fan_id)
    assert [reason for reason, _ in await reasons(api, email)] == ["complaint"]


@pytest.mark.usefixtures("inbox")
async def test_a_complaint_about_an_sms_ends_sms(api: Api, db: Db) -> None:
    yes = {"is_subscribed": True, "is_phone_subscribed": True}
    fan_id = await new_fan(api, "sms.complaint@example.com", phone="+16045550191", **yes)
    row = await send_now(db, api.account_id, login_code(channel="sms", recipient="+16045550191"))
    await noted(api, *complaint("gateway", reference(api.account_id, row["message_id"]), None))
    fan = await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}"))
    assert (fan["is_subscribed"], fan["is_phone_subscribed"]) == (True, False)


@pytest.mark.usefixtures("mailbox")
async def test_a_bounce_says_nothing_about_consent(api: Api, db: Db) -> None:
    fan_id = await new_fan(api, "bounced@example.com", is_subscribed=True)
    row = await send_now(db, api.account_id, login_code(recipient="bounced@example.com", fan_id=fan_id))
    assert await noted(api, bounce(reference(api.account_id, row["message_id"]))) == 1
    assert await words(api, fan_id) == [("email", True, "crm_fans_create")]
    assert (await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}")))["is_subscribed"]


@pytest.mark.usefixtures("mailbox")
async def test_a_gateway_reports_in_json(api: Api, db: Db) -> None:
    (_, one), (two_id, two) = await message(api, db, "a1@example.com"), await message(api, db, "a2@example.com")
    entries = [
        {"type": "bounce", "reference": one, "is_permanent": False},
        {"type": "complaint", "reference": f"<{two}@northside.example.com>"},
        {"type": "bounce", "reference": "fm-1-1-000000000000000000000000"},
    ]
    assert await noted(api, json.dumps({"reports": entries}).encode(), "application/json") == 2
    assert await reasons(api, "a1@example.com") == []
    assert await reasons(api, "a2@example.com") == [("complaint", two_id)]


@pytest.mark.usefixtures("mailbox")
async def test_nobody_reports_without_the_secret(api: Api, other_api: Api, db: Db) -> None:
    message_id, mark = await message(api, db, "safe@example.com")
    path, _ = await door(api)
    late = str(int(time.time()) - 301)
    unsigned: list[dict[str, Any]] = [
        {"webhook-signature": ""},
        {"webhook-signature": "v1,x"},
        {"webhook-id": "another"},
        {"webhook-timestamp": late},
        {"webhook-timestamp": "²"},
        {"webhook-timestamp": "9" * 5000},
    ]
    for headers in unsigned:
        answer = await report(api, bounce(mark), **{name: value.encode() for name, value in headers.items()})
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_signature"), headers
    assert (await api.client.post(path, content=bounce(mark))).status_code == 401
    assert (await api.client.post("/hooks/messages/" + "9" * 30, content=b"")).status_code == 401
    # Another account's door does not reach the message, nor does a reference that somebody wrote.
    assert await noted(other_api, bounce(mark)) == 0
    assert await noted(api, bounce(mark[:-1] + ("0" if mark[-1] != "0" else "1"))) == 0
    assert (await message_row(db, api.account_id, message_id))["bounced_at"] is None


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"reports": [{"type": "x", "reference": "y"}]}', "application/json", 400),
        (json.dumps({"reports": [{"type": "bounce", "reference": "y"}] * 1001}).encode(), "application/json", 422),
        (b'{"reports": [{"type": "complaint", "reference": "y", "timestamp": 1e300}]}', "application/json", 400),
        (b'{"reports": [{"type": "complaint", "reference": "y", "timestamp": 253402300800}]}', "application/json", 400),
        (b"", "message/rfc822", 200),
        (b"\xff\x00" * 1000, "message/rfc822", 200),
    ],
)
async def test_hostile_reports_get_an_answer(api: Api, body: bytes, kind: str, status: int) -> None:
    assert (await report(api, body, kind)).status_code == status


async def test_a_large_report_is_refused_unread(api: Api, base_url: str) -> None:
    path, _ = await door(api)
    # A connection of its own: the server ends it with the body unread.
    async with httpx.AsyncClient(base_url=base_url, timeout=PATIENCE) as client:
        assert (await client.post(path, content=b"x" * (256 * 1024 + 1))).status_code == 413


def test_hostile_mails_are_read_to_their_end() -> None:
    mark = reference(1, 2)
    nested = "".join(f'Content-Type: multipart/mixed; boundary="{n}"\r\n\r\n--{n}\r\n' for n in range(3000))
    for mail in (
        nested + mark,
        f'Content-Type: multipart/report; boundary="b"\r\n\r\n{mark}' + "\r\n--b\r\n\r\nx" * 20_000,
        f"Content-Type: message/delivery-status\r\n\r\n{mark}\r\nAction: failed\r\n\r\n" * 2000,
        f"Content-Type: text/plain; charset=nonsense\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n{mark}",
        f"{mark}: {mark}",
        f"Date: Mon, 1 Jan 99999 00:00:00 +9999\r\n\r\n{mark}",
    ):
        assert read_mail(mail.encode()) == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("5.1.1", True), ("5.1.2.", True), ("5.1.3 no address", True), ("5.1.6", True), ("5.1.10 null MX", True),
        ("5.2.1 disabled", True), ("5.2.2 mailbox full", False), ("5.7.1 spam", False), ("4.1.1", False),
        # of the sender, or of anything
        ("5.1.7 bad sender", False), ("5.1.8 bad domain of the sender", False), ("5.0.0", False), ("5.4.4", False),
        # not the code of the answer
        ("5.1.1.23 is on a block list", False), ("5.7.1 blocked: 5.1.1", False), ("no 5.1.1", False), ("15.1.1", False),
    ],
)  # fmt: skip
def test_which_codes_say_that_an_address_is_gone(words: str, expected: bool) -> None:  # noqa: FBT001 - of the table
    assert is_unreachable(words) is expected


@pytest.mark.parametrize("date", ["", "Thu, 99 Foo 2026 25:61:00 +9999", "\xff" * 500, "x"])
def test_a_date_that_cannot_be_read_is_none(date: str) -> None:
    mail = f"Date: {date}\n{COMPLAINT.format(reference=reference(1, 2))}"
    assert [each.reported_at for each in read_mail(mail.encode("latin-1"))] == [None]


def test_references_survive_a_rotation() -> None:
    old = reference(7, 8)
    secret_keys.use(Settings(secret_key=("n" * 32, SECRET_KEY)))
    assert messages_in(f"<{old}@x> {reference(7, 9)} {reference(7, 9)}") == [(7, 8), (7, 9)]
    secret_keys.use(Settings(secret_key=("n" * 32,)))
    assert messages_in(old) == []
    secret_keys.use(Settings(secret_key=(SECRET_KEY,)))
