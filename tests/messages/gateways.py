"""A real mail server and a real HTTP gateway on this machine, which keep what they get."""

import asyncio
import json
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.servers import Reply, Request, http_server

# It logs each line of the protocol.
logging.getLogger("mail.log").setLevel(logging.ERROR)


class Mailbox:
    """The mails that a server got. `replies` answer the next commands of a name in place of its own answer."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.senders: list[str | None] = []
        self.replies: dict[str, list[str]] = {}
        self.users: list[tuple[bytes, bytes]] = []
        self.url = ""
        # called when a recipient is named, and when a mail has come, before each is answered
        self.on_recipient: Callable[[], object] = lambda: None
        self.on_mail: Callable[[], object] = lambda: None

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(each, policy=default) for each in self.raw]

    async def handle_RCPT(  # noqa: N802 - as the server calls it
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        await asyncio.to_thread(self.on_recipient)
        if self.replies.get("rcpt"):
            return self.replies["rcpt"].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - the same
        if self.replies.get("data"):
            return self.replies["data"].pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        self.raw.append(content)
        self.senders.append(envelope.mail_from)
        await asyncio.to_thread(self.on_mail)
        return self.replies["mail"].pop(0) if self.replies.get("mail") else "250 OK: queued as 4711"

    def authenticate(self, *args: Any) -> AuthResult:
        login = args[-1]
        assert isinstance(login, LoginPassword)
        self.users.append((login.login, login.password))
        return AuthResult(success=login.password == b"pa/ss", handled=False)


@contextmanager
def mail_server(
    *, needs_password: bool = False, is_old: bool = False, tls: ssl.SSLContext | None = None
) -> Iterator[Mailbox]:
    """Run a mail server and give its mailbox; an old one takes no addresses beyond ASCII. `tls` is for STARTTLS."""
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=port,
        authenticator=mailbox.authenticate,
        auth_required=needs_password,
        auth_require_tls=False,
        enable_SMTPUTF8=not is_old,
        tls_context=tls,
    )
    controller.start()
    mailbox.url = f"smtp://127.0.0.1:{port}?tls=none"
    try:
        yield mailbox
    finally:
        controller.stop()


class HttpInbox:
    """The requests that a gateway got: path, headers, JSON. `statuses` answer the next ones."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.statuses: list[int] = []
        self.location = ""
        self.url = ""
        self.on_request: Callable[[], object] = lambda: None


@contextmanager
def http_gateway() -> Iterator[HttpInbox]:
    """Run an HTTP server that takes every POST, and give what it got."""
    inbox = HttpInbox()

    def respond(request: Request) -> Reply:
        inbox.requests.append((request.path, request.headers, json.loads(request.body)))
        inbox.on_request()
        status = inbox.statuses.pop(0) if inbox.statuses else 201
        # As careless gateways do, it says back what it was told.
        return Reply(request.body, status, {"Location": inbox.location} if inbox.location else {})

    with http_server(respond) as inbox.url:
        yield inbox
