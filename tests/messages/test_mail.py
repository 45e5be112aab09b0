"""A mail as it travels: encryption and password, DKIM, unsubscribing, names and addresses of all scripts."""

import base64
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import BadSettings, Settings, from_environment
from fanfare.messages.actions.preference_links import Recipient, recipient_of
from fanfare.messages.gateways import Envelope
from fanfare.messages.gateways.mail import compose
from fanfare.messages.gateways.outgoing import Outgoing, outgoing
from fanfare.messages.gateways.smtp import server_of
from tests.api import Api
from tests.messages.gateways import Mailbox, http_gateway, mail_server
from tests.messages.sending import CODE, FROM, NewsMaker, login_code, new_fan, send_now

NOW = datetime(2026, 7, 3, 20, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def written(folder: Path, key: rsa.RSAPrivateKey) -> Path:
    path = folder / "dkim.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    return path


@pytest.fixture
def signing(settings: Settings, key: rsa.RSAPrivateKey, tmp_path: Path) -> Settings:
    return settings.replace(dkim_key=str(written(tmp_path, key)), dkim_selector="s1")


async def test_a_mail_is_signed_with_its_unsubscribe_headers(
    api: Api, db: Db, mailbox: Mailbox, signing: Settings, key: rsa.RSAPrivateKey, news: NewsMaker
) -> None:
    outgoing.use(signing.replace(smtp_url=mailbox.url, mail_from=FROM))
    row = await send_now(db, api.account_id, news(await new_fan(api, "signed@example.com", is_subscribed=True)))
    (raw,), (mail,) = mailbox.raw, mailbox.mails
    token = mail["list-unsubscribe"].removesuffix(">").partition("link=")[2]
    assert recipient_of(token) == Recipient(api.account_id, row["fan_id"])
    assert mail["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert "list-unsubscribe-post" in mail["dkim-signature"]
    public = base64.b64encode(
        key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )

    def lookup(name: bytes, timeout: int = 5) -> bytes:
        assert (name, timeout) == (b"s1._domainkey.northside.example.com.", 5)
        return b"v=DKIM1; k=rsa; p=" + public

    assert dkim.verify(raw, dnsfunc=lookup)
    head, separator, body = raw.partition(b"List-Unsubscribe:")
    assert not dkim.verify(head + separator + body.replace(b"link=", b"link=1", 1), dnsfunc=lookup)
    assert token not in repr(dict(row))


async def test_a_mail_that_is_no_advertising_has_no_unsubscribe_header(api: Api, db: Db, mailbox: Mailbox) -> None:
    await send_now(db, api.account_id, login_code())
    assert mailbox.mails[0]["list-unsubscribe"] is None
    assert mailbox.mails[0]["auto-submitted"] == "auto-generated"
    assert mailbox.senders == ["news@northside.example.com"]


async def test_the_password_is_given_and_a_wrong_one_is_tried_again(api: Api, db: Db, settings: Settings) -> None:
    with mail_server(needs_password=True) as box:
        for password, state in (("pa%2Fss", "sent"), ("wrong", "queued")):
            url = box.url.replace("127", f"mailer%40example.com:{password}@127", 1)
            outgoing.use(settings.replace(smtp_url=url, mail_from=FROM))
            row = await send_now(db, api.account_id, login_code())
            assert row["message_state"] == state, row["answer"]
            assert password not in row["answer"]
        assert {user for user, _ in box.users} == {b"mailer@example.com"}
    outgoing.use(settings)


async def test_a_password_never_goes_unencrypted(api: Api, db: Db, settings: Settings) -> None:
    with mail_server(needs_password=True) as box:
        url = box.url.replace("127", "mailer:pa%2Fss@127", 1).partition("?")[0]
        outgoing.use(settings.replace(smtp_url=url, mail_from=FROM))
        row = await send_now(db, api.account_id, login_code())
        assert (row["message_state"], box.users) == ("queued", [])
    outgoing.use(settings)


async def test_a_server_whose_certificate_is_not_valid_is_tried_again(
    api: Api, db: Db, settings: Settings, key: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    expired = builder.not_valid_before(NOW - timedelta(days=3)).not_valid_after(NOW - timedelta(days=2))
    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(expired.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, written(tmp_path, key))
    with mail_server(tls=tls) as box:
        outgoing.use(settings.replace(smtp_url=box.url.replace("tls=none", "tls=starttls"), mail_from=FROM))
        row = await send_now(db, api.account_id, login_code())
    outgoing.use(settings)
    assert (row["message_state"], row["try_count"], row["answer"]) == (
        "queued", 1, "no answer of the mail server: SSLCertVerificationError",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://h", ("h", 25, None, None, False, None)),
        ("smtp://h?tls=starttls", ("h", 25, None, None, False, True)),
        ("smtp://u:p%40@h", ("h", 587, "u", "p@", False, True)),
        ("smtp://u:p@h:26?tls=none", ("h", 26, "u", "p", False, False)),
        ("smtps://u:p@h", ("h", 465, "u", "p", True, False)),
    ],
)
def test_urls_of_servers(url: str, expected: tuple[Any, ...]) -> None:
    assert server_of(url) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FANFARE_SMTP_URL", "mail.example.com:hunter2"),
        ("FANFARE_SMTP_URL", "smtp://u:hunter2@h/path"),
        ("FANFARE_SMTP_URL", "smtp://u:hunter2@h?tls=maybe"),
        ("FANFARE_SMTP_URL", "smtp://u:hunter2@h:x"),
        ("FANFARE_SMS_URL", "hunter2"),
        ("FANFARE_MAIL_FROM", "Northside"),
        ("FANFARE_MAIL_FROM", "a@example.com\r\nBcc: b@example.com"),
        ("FANFARE_MAIL_FROM", "Zoë <zoë@example.com>"),
        ("FANFARE_MAIL_FROM", "a@❤.example"),
        ("FANFARE_MAIL_FROM", "a@example.com>"),
        ("FANFARE_DKIM_SELECTOR", "a b"),
    ],
)
def test_wrong_settings_are_named_without_their_passwords(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=f"{name} must be") as refused:
        from_environment({name: value})
    assert "hunter2" not in str(refused.value)


def test_settings_that_need_each_other(tmp_path: Path) -> None:
    for settings, words in (
        (Settings(smtp_url="smtp://h"), "FANFARE_MAIL_FROM"),
        (Settings(smtp_url="smtp://h", mail_from=FROM, dkim_key=str(tmp_path / "none")), "FANFARE_DKIM_KEY cannot"),
        (Settings(smtp_url="smtp://h", mail_from=FROM, dkim_key=__file__), "FANFARE_DKIM_KEY must be"),
    ):
        with pytest.raises(BadSettings, match=words):
            Outgoing().use(settings)


def test_no_value_adds_a_header() -> None:
    envelope = Envelope(
        recipient="ada@bücher.example",
        reference="fm-1-2-x",
        subject="Hello\r\nBcc: all@example.com",
        text="x",
        sender_name='North "side"\r\nBcc: all@example.com',
        unsubscribe_url="https://fans.example.com/u\r\nBcc: all@example.com",
    )
    mail = compose(envelope, "news@example.com", NOW).decode()
    assert "\r\nBcc" not in mail
    assert "To: ada@xn--bcher-kva.example" in mail
    assert "Message-ID: <fm-1-2-x@example.com>" in mail


@pytest.mark.parametrize("recipient", ["ada@example.com", "zoë@example.com"])
def test_long_headers_that_programs_read_stay_on_one_line(recipient: str) -> None:
    url = f"https://fans.harbour-city-football-club.example.com/crm/unsubscribe?link={'k' * 200}"
    mark = "fm-1000001-7000001-45749eba721083227be3ab2b"
    envelope = Envelope(recipient=recipient, reference=mark, subject="Hello", text="x", unsubscribe_url=url)
    head = compose(envelope, "news@harbour-city-football-club.example.com", NOW).partition(b"\r\n\r\n")[0]
    lines = head.decode().split("\r\n")
    assert f"List-Unsubscribe: <{url}>" in lines
    assert f"Message-ID: <{mark}@harbour-city-football-club.example.com>" in lines


async def test_an_address_beyond_ascii(api: Api, db: Db, settings: Settings, mailbox: Mailbox) -> None:
    row = await send_now(db, api.account_id, login_code(recipient="zoë@bücher.example"))
    assert row["message_state"] == "sent", row["answer"]
    assert (row["message_state"], mailbox.mails[0]["to"]) == ("sent", "zoë@xn--bcher-kva.example")
    with mail_server(is_old=True) as box:
        outgoing.use(settings.replace(smtp_url=box.url, mail_from=FROM))
        row = await send_now(db, api.account_id, login_code(recipient="zoë@bücher.example"))
        assert row["answer"] == "the mail server does not take addresses beyond ASCII"
        assert (row["message_state"], box.raw) == ("failed", [])


async def test_an_sms_by_a_service_of_apprise(api: Api, db: Db, settings: Settings) -> None:
    with http_gateway() as box:
        outgoing.use(settings.replace(sms_url=box.url.replace("http://", "signal://") + "/+16045550100"))
        row = await send_now(db, api.account_id, login_code(channel="sms", recipient="+16045550123"))
        assert (row["message_state"], row["answer"]) == ("sent", "apprise: accepted")
        ((path, _, body),) = box.requests
        assert path == "/v2/send"
        assert body["recipients"] == ["+16045550123"]
        assert CODE in body["message"]
        box.statuses = [500]
        row = await send_now(db, api.account_id, login_code(channel="sms", recipient="+16045550123"))
        assert (row["message_state"], row["answer"]) == ("unconfirmed", "apprise: not accepted")
    outgoing.use(settings)


def test_servers_load_nothing_that_sends() -> None:
    names = {"apprise", "httpx", "aiosmtplib", "dkim"}
    code = f"import sys, fanfare.app as a; a.endpoints(); print({names} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"
