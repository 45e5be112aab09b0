"""Senders: mail and SMS come from whom the account says, once a DNS record shows that the domain is theirs."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import dns.resolver
import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.mail_server import mail_server
from fanfare.kernel.running.name_servers import name_servers
from fanfare.kernel.running.settings import BadSettings, Settings
from fanfare.messages.gateways import Envelope
from fanfare.messages.gateways.mail import Signer, signing_domain
from tests.api import Api
from tests.messages.gateways import HttpInbox, Mailbox
from tests.messages.sending import FROM, login_code, send_now
from tests.name_servers import NameServer, name_server
from tests.running import PATIENCE

__all__ = ["name_server"]
SENDERS = "/api/v1/manage/senders"
KEY = "v=DKIM1; k=rsa; p=MIIBIjANBg"


@pytest.fixture(scope="module")
def settings(settings: Settings, name_server: tuple[NameServer, int]) -> Settings:
    """The settings of a server that asks that name server."""
    return settings.replace(
        name_servers=(f"127.0.0.1:{name_server[1]}",), mail_from=FROM, sms_senders=("HARBOUR", "16045550100")
    )


@pytest.fixture
def signed(settings: Settings) -> Iterator[None]:
    """A server that signs mail."""
    mail_server.use(settings.replace(dkim_key="/etc/key.pem", dkim_selector="s1"))
    yield
    mail_server.use(settings)


async def saved(api: Api, **fields: Any) -> dict[str, Any]:
    sender_id = (await api.ok(await api.post(SENDERS, **fields)))["sender_id"]
    rows = await api.ok(await api.get(SENDERS))
    row: dict[str, Any] = next(each for each in rows if each["sender_id"] == sender_id)
    return row


async def test_mail_comes_from_an_address_of_a_confirmed_domain(
    api: Api, db: Db, mailbox: Mailbox, name_server: tuple[NameServer, int]
) -> None:
    fields = {"from_name": "Harbour City", "from_address": "News@harbour.example", "reply_to": "office@harbour.example"}
    sender = await saved(api, **fields)
    await send_now(db, api.account_id, login_code())
    first = mailbox.mails[0]
    assert (first["from"], first["reply-to"]) == ("Harbour City <news@northside.example.com>", "office@harbour.example")
    path = f"{SENDERS}/{sender['sender_id']}/check"
    assert await api.ok(await api.post(path)) is False
    record = sender["dns_records"][0]
    assert (record["name"], record["state"]) == ("_fanfare-mail.harbour.example", "unknown")
    name_server[0].records[record["name"]] = record["value"]
    name_server[0].records["_dmarc.harbour.example"] = "v=DMARC1; p=reject"
    assert await api.ok(await api.post(path)) is True
    await send_now(db, api.account_id, login_code())
    assert mailbox.mails[1]["from"] == "Harbour City <News@harbour.example>"
    states = {each["purpose"]: each["state"] for each in (await api.ok(await api.get(SENDERS)))[0]["dns_records"]}
    assert states == {"confirmation": "found", "dmarc": "found"}
    # Another domain is another one's, until it is shown; a record that is gone stops no mail.
    assert (await saved(api, **{**fields, "from_address": "desk@harbour.example"}))["is_confirmed"]
    del name_server[0].records[record["name"]]
    await api.ok(await api.post(path))
    assert (await api.ok(await api.get(SENDERS)))[0]["is_confirmed"]
    assert not (await saved(api, **{**fields, "from_address": "news@other.example"}))["is_confirmed"]
    await api.ok(await api.delete(f"{SENDERS}/{sender['sender_id']}"))
    await send_now(db, api.account_id, login_code())
    assert mailbox.mails[2]["from"] == FROM


async def test_an_address_that_changes_while_the_dns_is_asked_is_not_confirmed(
    api: Api, name_server: tuple[NameServer, int]
) -> None:
    sender = await saved(api, from_address="news@slow.example")
    record = sender["dns_records"][0]
    name_server[0].records[record["name"]] = record["value"]
    question, answer_time = threading.Event(), threading.Event()

    def delay(name: str) -> None:
        if name == record["name"]:
            question.set()
            answer_time.wait(PATIENCE)

    name_server[0].on_query = delay
    check = asyncio.create_task(api.post(f"{SENDERS}/{sender['sender_id']}/check"))
    try:
        assert await asyncio.to_thread(question.wait, PATIENCE)
        await saved(api, from_address="news@victim.example")
    finally:
        answer_time.set()
        answer = await check
        name_server[0].on_query = lambda _: None
    assert await api.ok(answer) is False
    (row,) = await api.ok(await api.get(SENDERS))
    assert (row["from_address"], row["is_confirmed"], row["check_timestamp"]) == ("news@victim.example", False, None)
    await api.ok(await api.delete(f"{SENDERS}/{sender['sender_id']}"))


@pytest.mark.usefixtures("signed")
async def test_a_name_server_that_fails_takes_nothing_away(api: Api, name_server: tuple[NameServer, int]) -> None:
    sender = await saved(api, from_address="news@steady.example")
    path = f"{SENDERS}/{sender['sender_id']}/check"
    keys = {f"s1._domainkey.{domain}": KEY for domain in ("steady.example", "northside.example.com")}
    policy = {"_dmarc.steady.example": "v=DMARC1; p=none"}
    record = sender["dns_records"][0]
    name_server[0].records = {record["name"]: record["value"], **keys, **policy}

    async def states() -> dict[str, str]:
        return {each["purpose"]: each["state"] for each in (await api.ok(await api.get(SENDERS)))[0]["dns_records"]}

    assert await api.ok(await api.post(path)) is True
    complete = {"confirmation": "found", "dkim": "found", "dmarc": "found"}
    assert await states() == complete
    for broken in ({record["name"], *keys, *policy}, {"s1._domainkey.steady.example"}):
        name_server[0].broken = broken
        old = (await api.ok(await api.get(SENDERS)))[0]["check_timestamp"]
        await api.ok(await api.post(path))
        assert await states() == complete
        assert (await api.ok(await api.get(SENDERS)))[0]["check_timestamp"] == old
    # What is surely gone is gone.
    name_server[0].broken, name_server[0].records = set(), {}
    assert await api.ok(await api.post(path)) is False
    assert await states() == {"confirmation": "found", "dkim": "missing", "dmarc": "missing"}
    await api.ok(await api.delete(f"{SENDERS}/{sender['sender_id']}"))


async def test_a_machine_without_name_servers_confirms_nothing(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_nothing(_: dns.resolver.BaseResolver, __: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    sender = await saved(api, from_address="news@harbour.example")
    monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", read_nothing)
    name_servers.use(settings.replace(name_servers=()))
    try:
        assert await api.ok(await api.post(f"{SENDERS}/{sender['sender_id']}/check")) is False
    finally:
        name_servers.use(settings)
    (row,) = await api.ok(await api.get(SENDERS))
    assert row["check_timestamp"] is None
    assert {each["state"] for each in row["dns_records"]} == {"unknown"}
    await api.ok(await api.delete(f"{SENDERS}/{sender['sender_id']}"))


async def test_a_business_has_its_own_and_staff_the_operators(api: Api, db: Db, mailbox: Mailbox) -> None:
    business_id = (await api.ok(await api.post("/api/v1/manage/businesses", business_name="Festival")))["business_id"]
    await saved(api, from_name="Club", reply_to="club@harbour.example")
    await saved(api, from_name="Festival", business_id=business_id)
    await send_now(db, api.account_id, login_code(business_id=business_id))
    await send_now(db, api.account_id, login_code())
    names = [(mail["from"], mail["reply-to"]) for mail in mailbox.mails]
    address = "<news@northside.example.com>"
    assert names == [(f"Festival {address}", "club@harbour.example"), (f"Club {address}", "club@harbour.example")]
    staff = {"template": "staff_password", "values": {"minutes": 60}, "secrets": {"link": "https://fans.example.com/x"}}
    await send_now(db, api.account_id, login_code(**staff))
    assert (mailbox.mails[2]["from"], mailbox.mails[2]["reply-to"]) == (FROM, None)


async def test_sms_have_the_sender(api: Api, db: Db, inbox: HttpInbox) -> None:
    await saved(api, sms_sender="HARBOUR")
    await send_now(db, api.account_id, login_code(channel="sms", recipient="+16045550123"))
    assert inbox.requests[0][2]["from"] == "HARBOUR"
    for other in ("HARBOR", "harbour", "+16045550100"):
        wrong = await api.post(SENDERS, sms_sender=other)
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "sms_sender")
        assert "must be one of HARBOUR, 16045550100, as the operator of the server says" in wrong.text
    assert (await api.post(SENDERS, sms_sender="a very long name")).status_code == 422
    assert (await api.post(SENDERS, from_address="nobody")).status_code == 422
    for name in ("from_address", "reply_to"):
        wrong = await api.post(SENDERS, **{name: "bücher@harbour.example"})
        assert (wrong.status_code, [each["field"] for each in wrong.json()["errors"]]) == (422, [name])
        assert "must have no characters beyond ASCII before the @" in wrong.text
        await saved(api, **{name: "books@bücher.example"})
    assert (await api.post(SENDERS, from_name="A", business_id=999_999)).status_code == 404


async def test_no_account_has_an_sms_sender_that_the_operator_does_not_name(
    api: Api, db: Db, settings: Settings, inbox: HttpInbox
) -> None:
    sender = await saved(api, sms_sender="HARBOUR")
    mail_server.use(settings.replace(sms_senders=()))
    try:
        wrong = await api.post(SENDERS, sms_sender="HARBOUR")
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "sms_sender")
        assert "must be left out: the operator of the server has named no senders of SMS" in wrong.text
        # One that was allowed once is not used.
        await send_now(db, api.account_id, login_code(channel="sms", recipient="+16045550123"))
    finally:
        mail_server.use(settings)
    assert "from" not in inbox.requests[0][2]
    await api.ok(await api.delete(f"{SENDERS}/{sender['sender_id']}"))
    with pytest.raises(BadSettings, match="FANFARE_SMS_SENDERS must be"):
        settings.replace(sms_senders=("a very long name",))


@pytest.mark.usefixtures("signed")
async def test_mail_is_signed_in_the_name_of_a_domain_that_has_the_key(
    api: Api, db: Db, name_server: tuple[NameServer, int]
) -> None:
    sender = await saved(api, from_address="news@signed.example")
    (record,) = [each for each in sender["dns_records"] if each["purpose"] == "dkim"]
    assert (record["name"], record["value"]) == ("s1._domainkey.signed.example", "s1._domainkey.northside.example.com.")
    name_server[0].records["s1._domainkey.northside.example.com"] = KEY
    path = f"{SENDERS}/{sender['sender_id']}/check"
    await api.ok(await api.post(path))
    assert not (await api.ok(await api.get(SENDERS)))[0]["is_signed"]
    # A name server follows the CNAME.
    name_server[0].records["s1._domainkey.signed.example"] = KEY
    await api.ok(await api.post(path))
    assert (await api.ok(await api.get(SENDERS)))[0]["is_signed"]
    envelope = Envelope("ada@example.com", "r", "s", "t", from_address="news@signed.example", is_signed=True)
    assert signing_domain(envelope) == "signed.example"
    assert signing_domain(Envelope("ada@example.com", "r", "s", "t", from_address="news@signed.example")) == ""
    assert Signer(b"", "s1", "northside.example.com").domain == "northside.example.com"
    await db.execute("delete from message_senders where account_id = $1", api.account_id)
