"""The bytes of a mail, read by hand: the library that wrote them would undo its own faults."""

import base64
import hashlib
import quopri
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fanfare.kernel.running.mail_server import MailServer
from fanfare.kernel.running.settings import Settings, from_environment
from fanfare.messages.gateways import Envelope
from fanfare.messages.gateways.mail import Signer, compose

NOW = datetime(2026, 7, 3, 20, 30, tzinfo=UTC)
SENDER = "Northside <news@northside.example.com>"
WORD = re.compile(r"=\?utf-8\?b\?([A-Za-z0-9+/]+=*)\?=")
LONG_NAME = 'Harbour City, "The Sailors" Football & Athletic Club of 1891 (Ladies; Juniors) <news@elsewhere.example>'
NAMES = [
    "Northside",
    "Northside F.C.",
    'A, "B" \\ C',
    LONG_NAME,
    "Zoë, Bäcker; " * 7,
    "🎤é" * 60,
    "שלום, " * 20,
    "=?utf-8?q?x?=",
]


def composed(sender: str = SENDER, **fields: str) -> bytes:
    envelope: dict[str, Any] = {
        "recipient": "ada@example.com",
        "reference": "fm-1-2-x",
        "subject": "Hi",
        "text": "Hi\n",
    }
    return compose(Envelope(**envelope | fields), sender, NOW)


def header(mail: bytes, name: str) -> list[str]:
    """Return the lines of a header without the spaces before and after."""
    head = mail.partition(b"\r\n\r\n")[0].decode()
    (lines,) = re.findall(rf"(?m)^{name}: ([^\r\n]*(?:\r\n [^\r\n]*)*)", head)
    return [each.strip() for each in lines.split("\r\n")]


def words_of(lines: list[str]) -> str:
    """Return the text of lines that are encoded words, or plain."""
    if any("=?" in line for line in lines):
        assert all(WORD.fullmatch(line) for line in lines), lines
        return "".join(base64.b64decode(line[10:-2]).decode() for line in lines)
    return " ".join(lines)


@pytest.mark.parametrize("recipient", ["ada@example.com", "zoë@example.com"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_one_phrase_before_one_address(name: str, recipient: str) -> None:
    mail = composed(from_name=name, recipient=recipient)
    assert max(map(len, mail.split(b"\r\n"))) <= 76
    lines = header(mail, "From")
    *words, address = [*lines[:-1], *lines[-1].rpartition(" <")[::2]] if len(lines) == 1 else lines
    assert address.strip("<>") == "news@northside.example.com"
    text = words_of(words)
    if quoted := re.fullmatch(r'"((?:[^"\\]|\\.)*)"', text):
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    elif len(lines) == 1 and "=?" not in lines[0]:
        assert re.fullmatch(r"[A-Za-z0-9 ]+", text), "signs stand in quotes"
    assert text == name.strip()


@pytest.mark.parametrize(
    "subject",
    [
        "Hello",
        "Tickets for the last home game of the season are on sale from noon on Friday, at the box office and online",
        "https://fans.example.com/" + "k" * 100,
        "Code =?utf-8?q?x?= and more",
        "Tour  é  dates " * 10 + "end",
        "🎉" * 100,
        "שלום " * 30,
    ],
)
def test_a_subject_arrives_as_it_is(subject: str) -> None:
    mail = composed(subject=subject)
    assert max(map(len, mail.split(b"\r\n"))) <= 76
    assert words_of(header(mail, "Subject")) == subject.strip()


def test_domains_are_those_of_idna_2008() -> None:
    mail = composed("Bücher, GmbH <news@bücher.example>", recipient="ada@straße.example", reply_to="o@faß.example")
    assert header(mail, "To") == ["ada@xn--strae-oqa.example"]
    assert header(mail, "Reply-To") == ["o@xn--fa-hia.example"]
    assert header(mail, "Message-ID") == ["<fm-1-2-x@xn--bcher-kva.example>"]
    assert header(mail, "From")[-1].endswith("<news@xn--bcher-kva.example>")
    server = MailServer()
    server.use(Settings(mail_from="Bücher, GmbH <news@bücher.example>"))
    assert server.domain == "xn--bcher-kva.example", "DNS records name it"


@pytest.mark.parametrize(
    ("sender", "line"),
    [
        ("Harbour City, Ltd <news@a.example>", '"Harbour City, Ltd" <news@a.example>'),
        (r'"Harbour \"H\" City, Ltd" <news@a.example>', r'"Harbour \"H\" City, Ltd" <news@a.example>'),
        ("news@a.example", "news@a.example"),
    ],
)
def test_the_name_of_the_operator_may_have_a_comma(sender: str, line: str) -> None:
    assert header(composed(sender), "From") == [line]
    assert from_environment({"FANFARE_MAIL_FROM": sender}).mail_from == sender
    server = MailServer()
    server.use(Settings(mail_from=sender))
    assert (server.address, server.domain) == ("news@a.example", "a.example")


@pytest.mark.parametrize(
    "text", ["Grüße 🎉\n", "x" * 1500 + "\n", "é" * 1500 + "\n", "a \n\u2028b\r\n.\n..\nFrom c\n \n"]
)
def test_no_server_has_to_change_a_body(text: str) -> None:
    mail = composed(text=text, html=f"<p>{text}</p>")
    assert mail.isascii(), "a server without 8BITMIME would encode it, and the signature would break"
    assert not re.search(rb"[^\r]\n|\r[^\n]", mail)
    assert max(map(len, mail.split(b"\r\n"))) <= 76, "RFC 2045 allows 76 characters"
    plain = mail.split(b"\r\n--")[1]
    head, _, body = plain.partition(b"\r\n\r\n")
    content = base64.b64decode(body) if b"base64" in head else quopri.decodestring(body)
    assert content.decode().replace("\r\n", "\n").removesuffix("\n") == text.replace("\r\n", "\n").removesuffix("\n")


def test_an_unsubscribe_url_has_no_character_that_ends_it() -> None:
    url = "https://fans.example.com/u?link=a%2Bb&x=é>, <mailto:x@example.com"
    mail = composed(unsubscribe_url=url)
    assert header(mail, "List-Unsubscribe") == [
        "<https://fans.example.com/u?link=a%2Bb&x=%C3%A9%3E,%20%3Cmailto:x@example.com>"
    ]


def relaxed(line: str) -> str:
    """Return a header as RFC 6376, 3.4.2 has it."""
    name, _, value = line.partition(":")
    return f"{name.lower().strip()}:{' '.join(value.replace(chr(13) + chr(10), '').split())}"


def relaxed_body(body: bytes) -> bytes:
    """Return a body as RFC 6376, 3.4.4 has it."""
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    text = re.sub(rb"(\r\n)+\Z", b"", b"\r\n".join(lines))
    return text + b"\r\n" if text else b""


@pytest.mark.parametrize("text", ["Hi\n", "Grüße  \n\n \n\n", "é" * 1500, ""])
def test_a_signature_holds_by_the_letter_of_the_standard(text: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    plain = composed(
        text=text, subject="Zoë " * 40, from_name=LONG_NAME, html="<p>é  </p>", unsubscribe_url="https://a.example/u"
    )
    mail = Signer(pem, "s1", "northside.example.com").sign(plain)
    head, _, body = mail.partition(b"\r\n\r\n")
    fields = re.findall(r"[!-9;-~]+:(?:[^\r\n]|\r\n[ \t])*", head.decode())
    (signature,) = (each for each in fields if each.lower().startswith("dkim-signature:"))
    tags = dict(re.findall(r"(\w+)=([^;]*)", re.sub(r"\s", "", signature.partition(":")[2])))
    assert (tags["c"], tags["a"], tags["d"], tags["s"]) == (
        "relaxed/relaxed",
        "rsa-sha256",
        "northside.example.com",
        "s1",
    )
    assert tags["bh"] == base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode()
    by_name = {each.partition(":")[0].lower(): each for each in fields}
    assert {"from", "to", "subject", "list-unsubscribe", "list-unsubscribe-post"} <= set(tags["h"].split(":"))
    lines = [relaxed(by_name[name]) for name in tags["h"].split(":") if name in by_name]
    lines.append(relaxed(re.sub(r"(\bb=)[^;]*", r"\1", signature)))
    content = "\r\n".join(lines).encode()
    key.public_key().verify(base64.b64decode(tags["b"]), content, PKCS1v15(), hashes.SHA256())
