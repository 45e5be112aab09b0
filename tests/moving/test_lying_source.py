"""A source that lies: a move goes on without such rows, or ends with a reason; it never waits or reads for ever."""

import random
from contextlib import suppress
from socketserver import StreamRequestHandler
from typing import Any
from urllib.error import HTTPError

import msgspec
import pytest

from fanfare.cli import moving
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import CannotRun
from fanfare.moving import gateways
from fanfare.moving.gateways import MAX_LIMIT_SECONDS, Source
from fanfare.moving.schemas import MoveReport, Reason, TableReport
from tests.api import Api
from tests.calls import made_values
from tests.moving.moves import new_target, reasons, relay
from tests.seeds import run_seed
from tests.servers import Reply, Request, http_server, line_server

SEED = run_seed(41)
LIES: tuple[Any, ...] = (
    None, True, -1, 0, 2**53, 10**18, 1e300, "", " ", "x\x00y", "9" * 400, "a" * 100_000, [], [None], {}, {"a": None},
    [[]], "2026-13-45", "\u202e", "0x10", "-", 1.5, "\u0663", "1e400",
)  # fmt: skip
# Of the values of an answer.
SHARES = (0.01, 0.02, 0.05, 0.1, 0.3)
ACTIVITIES = "/api/v1/crm/activities"


def lie(body: Any, chance: random.Random, share: float) -> Any:
    """Return an answer of which some values are others."""
    if isinstance(body, list):
        return [lie(each, chance, share) for each in body]
    if not isinstance(body, dict):
        return body
    values = {name: lie(value, chance, share) for name, value in body.items()}
    return {name: chance.choice(LIES) if chance.random() < share else value for name, value in values.items()}


def reply(base_url: str, request: Request) -> tuple[Any, int]:
    """Return what the module's server answers, and its status."""
    try:
        return relay(base_url, request), 200
    except HTTPError as error:
        return msgspec.json.decode(error.read()), error.code


async def test_rows_that_are_not_as_documented_end_a_move_with_a_reason_or_are_left_out(
    api: Api, db: Db, base_url: str
) -> None:
    await made_values(api)
    chance = random.Random(SEED)
    for share in SHARES:
        seed = random.Random(chance.random())

        def respond(request: Request, seed: random.Random = seed, share: float = share) -> Reply:
            body, status = reply(base_url, request)
            rows = body["data"] if isinstance(body, dict) and "data" in body else body
            lies = lie(rows, seed, share)
            return Reply(msgspec.json.encode(lies if rows is body else {**body, "data": lies}), status)

        with http_server(respond) as url:
            target = (await new_target(api, db, url))._replace(there=api)
            with suppress(CannotRun):
                await target.move()


async def test_a_wrong_row_is_left_out_and_the_others_come(api: Api, db: Db, base_url: str) -> None:
    for number in range(4):
        await api.ok(await api.post(ACTIVITIES, email=f"wrong{number}@example.com", campaign_title="Lies"))

    def respond(request: Request) -> Reply:
        body, status = reply(base_url, request)
        if request.path == ACTIVITIES and len(rows := body["data"] if isinstance(body, dict) else body) > 1:
            rows[1]["creation_timestamp"] = [None]
            rows[1]["page_tab_id"] = "x\x00y"
        return Reply(msgspec.json.encode(body), status)

    with http_server(respond) as url:
        target = (await new_target(api, db, url))._replace(there=api)
        report = await target.move()
    notes = reasons(report, "activities")
    assert notes == {"is not what the API documents: CharacterNotInRepertoireError": 1}
    activities = next(each for each in report.tables if each.table == "activities")
    assert (activities.rows_read - activities.here, activities.different) == (1, 1)


async def test_pages_that_lead_to_each_other_end_the_move(api: Api, db: Db, base_url: str) -> None:
    for number in range(4):
        await api.ok(await api.post(ACTIVITIES, email=f"round{number}@example.com", campaign_title="Round"))
    calls: list[str] = []

    def respond(request: Request) -> Reply:
        is_feed = request.path == "/api/v1/crm/fans/latest"
        body, status = reply(base_url, request._replace(query="") if is_feed else request)
        if is_feed:
            calls.append(request.query)
            body["meta"]["max_fan_time_key"] = "ab"[len(calls) % 2]
        return Reply(msgspec.json.encode(body), status)

    with http_server(respond) as url:
        target = (await new_target(api, db, url))._replace(there=api)
        with pytest.raises(CannotRun, match="the same rows of fans again and again"):
            await target.move()


async def test_a_limit_that_never_ends_ends_the_move() -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    with http_server(lambda _: Reply(b"{}", 429, {"Retry-After": "0"})) as url:
        async with Source(url, "key", "secret", pause=pause) as source:
            with pytest.raises(CannotRun, match="for its limit of calls"):
                await source.get("/api/v1/crm/fans")
    # It is asked less and less often.
    assert len(pauses) < MAX_LIMIT_SECONDS / 100
    assert max(pauses) >= 60


async def test_an_answer_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "MAX_ANSWER_SECONDS", 0.1)

    async def pause(_: float) -> None:
        pass

    def begin(connection: StreamRequestHandler) -> None:
        connection.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[")
        # Until the other side has gone.
        while connection.rfile.read(1):
            pass

    with line_server(begin) as port:
        async with Source(f"http://127.0.0.1:{port}", "key", "secret", pause=pause) as source:
            with pytest.raises(CannotRun, match="does not answer"):
                await source.get("/api/v1/crm/fans")


async def test_what_a_source_says_moves_no_cursor() -> None:
    reason = msgspec.json.encode({"detail": "no\x1b[2J\r\nall rows are here"})

    async def pause(_: float) -> None:
        pass

    with http_server(lambda _: Reply(reason, 403)) as url:
        async with Source(url, "key", "secret", pause=pause) as source:
            with pytest.raises(CannotRun) as refused:
                await source.get("/api/v1/crm/fans")
    assert str(refused.value).isprintable()
    table = TableReport("fans", 1, 1, 0, 1, [Reason("a\x1b[1A", 1)], {"b\nfans  1  1  1  0": 1}, {}, [])
    text = moving._text(MoveReport(1, "https://source.example", [table], [], 1))  # noqa: SLF001 - what is printed
    assert "\x1b" not in text
    assert not any(line.startswith("fans  1") for line in text.splitlines())
