"""`listen` and `trigger`: what endpoints receive, sent to a program under development."""

import base64
import os
import secrets
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Self

import httpx
import msgspec
import typer

from fanfare.cli.urls import checked_url
from fanfare.kernel.errors import CannotRun
from fanfare.kernel.running.webhook_signatures import PREFIX, secret_text, signature_header
from fanfare.kernel.wire import iso
from fanfare.webhooks.schemas.bodies import CONTENT_TYPES, message_id, standard_body
from fanfare.webhooks.schemas.changes import MAX_WAIT_SECONDS, LoggedChange
from fanfare.webhooks.schemas.examples import example

SECRET_VARIABLE = "API_SECRET"  # noqa: S105 - a name
SIGNING_VARIABLE = "WEBHOOK_SECRET"
SECONDS = 15.0
# Between two attempts to reach the server.
PAUSE, MAX_PAUSE = 2.0, 300.0
# Statuses of a server, or a proxy before it, that may answer soon.
AWAY = frozenset({429, 500, 502, 503, 504})

ForwardTo = Annotated[
    str, typer.Option("--forward-to", help="URL of your program, such as http://localhost:3000/hooks")
]


def listen(
    forward_to: ForwardTo,
    url: Annotated[str, typer.Option(help="Address of the server")] = "http://127.0.0.1:8080",
    topics: Annotated[str, typer.Option(help="Only these topics, such as fan.*,tag.created. Default: all")] = "",
    position: Annotated[
        str, typer.Option("--after", help="Position of a change to begin after. Default: the newest")
    ] = "latest",
) -> None:
    """Send each change of an account to your own machine, as its webhooks would be, until Ctrl-C.

    The server needs no way to your machine: this command reads the change feed. The account's secret is in
    API_SECRET, or is asked for. Requests are signed with WEBHOOK_SECRET, or with a new secret that is
    printed. What your program does not accept is printed and not sent again; --after sends it again.

    Example: fanfare listen --url https://fans.example.com --forward-to http://localhost:3000/hooks --topics "fan.*"
    """
    api_secret = os.environ.get(SECRET_VARIABLE) or typer.prompt("API secret", hide_input=True)
    receiver = _Receiver(forward_to)
    client = httpx.Client(
        base_url=checked_url("--url", url, takes_secret=True),
        headers={"Api-Secret": _checked_secret(api_secret)},
        timeout=httpx.Timeout(SECONDS, read=MAX_WAIT_SECONDS + SECONDS),
    )
    with client, receiver:
        for row in _changes(client, topics, position):
            status = receiver.send(message_id(row.position), standard_body(row))
            typer.echo(f"{iso(row.timestamp_iso)}  {row.position}  {row.topic}  {row.subject_id}  {status}")


def trigger(
    topic: Annotated[str, typer.Argument(help="Name of a topic, as docs/topics.md lists them")],
    forward_to: ForwardTo,
) -> None:
    """Send an example of a topic to your own machine, signed as webhooks are.

    Its ids are made up and nothing is stored. It is signed with WEBHOOK_SECRET, or with a new secret that is
    printed.

    Example: fanfare trigger fan.merged --forward-to http://localhost:3000/hooks
    """
    from fanfare import app  # noqa: PLC0415 - every domain has topics, and other commands need none

    topics = {each.name: each for each in app.topics()}
    if topic not in topics:
        nouns = [name for name in topics if name.partition(".")[0] == topic.partition(".")[0]] or sorted(topics)
        message = f"{topic!r} is not a topic; there are {', '.join(nouns)}"
        raise CannotRun(message)
    body = standard_body(example(topics[topic], datetime.now(UTC)))
    with _Receiver(forward_to) as receiver:
        status = receiver.send(f"example_{uuid.uuid4()}", body)
    typer.echo(f"{body.decode()}\n{status}")
    if not status.startswith("2"):
        message = "it was not accepted"
        raise CannotRun(message)


class _Receiver:
    """The program under development."""

    def __init__(self, url: str) -> None:
        self._url = checked_url("--forward-to", url)
        self._key = _signing_key()
        # A proxy of the environment would read what is sent to this machine.
        self._client = httpx.Client(timeout=SECONDS, follow_redirects=False, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, identifier: str, body: bytes) -> str:
        """Send a request once and return the status of its answer, or why there is none."""
        seconds = str(int(time.time()))
        headers = {
            "Content-Type": CONTENT_TYPES["standard"],
            "webhook-id": identifier,
            "webhook-timestamp": seconds,
            "webhook-signature": signature_header([self._key], identifier, seconds, body),
        }
        try:
            return str(self._client.post(self._url, content=body, headers=headers).status_code)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"no answer: {error}"


def _signing_key() -> bytes:
    text = os.environ.get(SIGNING_VARIABLE, "")
    if not text:
        key = secrets.token_bytes(32)
        typer.echo(f"requests are signed with {secret_text(key)}")
        return key
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not key:
        message = f"{SIGNING_VARIABLE} must be a secret of a webhook, such as {PREFIX}Zm9v"
        raise CannotRun(message)
    return key


def _checked_secret(api_secret: str) -> str:
    """Return a secret that a header can have."""
    if not api_secret.isascii() or not api_secret.isprintable():
        message = f"{SECRET_VARIABLE} is not a secret of this service: it has letters that none has"
        raise CannotRun(message)
    return api_secret


def _changes(client: httpx.Client, topics: str, position: str) -> Iterator[LoggedChange]:
    """Yield the changes after a position as they happen."""
    while True:
        response = _answer(
            client, {"after": position, "wait": str(MAX_WAIT_SECONDS), **({"topics": topics} if topics else {})}
        )
        if response.status_code != httpx.codes.OK:
            raise CannotRun(_problem(response))
        try:
            rows = msgspec.json.decode(response.content, type=list[LoggedChange])
            position = response.headers["X-Next-Cursor"]
        except (msgspec.DecodeError, KeyError):
            message = "--url is not the address of a Fanfare server: its answer is no list of changes"
            raise CannotRun(message) from None
        yield from rows


def _answer(client: httpx.Client, params: dict[str, str]) -> httpx.Response:
    """Return the server's answer; a server that is away or busy is asked again, which is said once."""
    is_away = False
    while True:
        seconds = PAUSE
        try:
            response = client.get("/api/v1/manage/changes", params=params)
            if response.status_code not in AWAY:
                return response
            reason = _problem(response)
            seconds = max(PAUSE, _wait_of(response))
        except httpx.HTTPError as error:
            reason = str(error)
        if not is_away:
            typer.echo(f"the server does not answer ({reason}); it is asked again", err=True)
        is_away = True
        time.sleep(seconds)


def _wait_of(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), MAX_PAUSE) if text.isascii() and text.isdigit() else 0


def _problem(response: httpx.Response) -> str:
    try:
        return f"{response.status_code}: {response.json()['detail']}"
    except (ValueError, KeyError, TypeError):
        return str(response.status_code)
