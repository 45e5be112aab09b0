"""Long inputs hold up nobody: too many parts are counted before they are built, the rest is read beside the loop."""

import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.idempotency import request_hash
from fanfare.kernel.errors import BadParameters, TooLarge, Unreadable
from fanfare.kernel.parameters import MAX_FIELDS, PIECE, Params, from_query, read
from fanfare.kernel.running.handovers import SOCKET
from fanfare.kernel.running.long_inputs import (
    MAX_WAITING_BYTES,
    MAX_WAITING_BYTES_OF_ADDRESS,
    SHORT_BYTES,
    run_by_rows,
    run_by_size,
)
from fanfare.kernel.running.loop_turns import MANY_ROWS
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.running.shares import Busy
from fanfare.kernel.web.body import MAX_BYTES, parse_body
from fanfare.kernel.web.endpoint import endpoint
from fanfare.kernel.web.http import Service, application
from fanfare.kernel.wire import Form, Ids, LongText, text_of
from fanfare.kernel.wire.lists import parse_json
from tests.api import Api
from tests.running import PATIENCE
from tests.yardstick import LINE_MILLISECONDS, cpu_seconds, longest_line, takes_longer

FORM, JSON, MULTIPART = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=xyz"
PART = b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
FILE = b'--xyz\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n1\r\n'


def filled(start: bytes, each: bytes, end: bytes = b"") -> bytes:
    """Return as much of a text as a body may hold."""
    return start + each * ((MAX_BYTES - len(start) - len(end)) // len(each)) + end


TOO_MANY = {
    "pairs of one name": (filled(b"", b"a=&"), FORM),
    "pairs without a name": (filled(b"", b"&"), FORM),
    "one pair too many": (b"&".join([b"a=1"] * (MAX_FIELDS + 1)), FORM),
    "parts": (filled(b"", PART, b"--xyz--\r\n"), MULTIPART),
    "files": (filled(b"", FILE, b"--xyz--\r\n"), MULTIPART),
    "numbers": (filled(b"[", b"1,", b"1]"), JSON),
    "arrays": (filled(b'{"a":[', b"[],", b"1]}"), JSON),
    "arrays in arrays": (filled(b'{"a":[', b"[[[[[[]]]]]],", b"1]}"), JSON),
    "objects": (filled(b"[", b"{},", b"1]"), JSON),
    "members": (json.dumps({"a": {str(each): 1 for each in range(60_000)}}).encode(), JSON),
}


@pytest.mark.parametrize(("body", "kind"), TOO_MANY.values(), ids=TOO_MANY)
def test_too_many_parts_are_counted_before_they_are_built(body: bytes, kind: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            parse_body(body, kind)
        # Each part built would take 50 bytes at least.
        assert tracemalloc.get_traced_memory()[1] < len(body) / 10 + 100_000
    finally:
        tracemalloc.stop()


NUMBERS = ("1e308", "-1e-308", "1.7976931348623157e308", "4.9e-324", "2.2250738585072011e-308", "1e23")


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:24])
def test_no_number_takes_long_to_read(number: str) -> None:
    """Against another reader, in the processor's time, so that what else the machine does changes nothing."""
    body = ("[" + ",".join([number] * (100_000 // len(number))) + "]").encode()
    assert parse_json(body) == json.loads(body)
    ours, theirs = (min(cpu_seconds(each, body) for _ in range(3)) for each in (parse_json, json.loads))
    assert ours < 10 * theirs


def test_json_within_a_text_is_counted_too() -> None:
    for text in ("[" + "[]," * 30_000 + "1]", "1," * 30_000):
        with pytest.raises(BadParameters, match=r"too many values|at most 1000 entries"):
            read(Lists, {"ids": [text]})


def test_a_batch_of_the_largest_kind_fits() -> None:
    scan = {f"field_{each}": "North gate" for each in range(20)} | {
        "scanned": "2027-07-03 20:31:05",
        "made": "20:31:05",
    }
    assert len(parse_body(json.dumps([scan] * 1000).encode(), JSON)[""][0]) == 1000  # type: ignore[arg-type]
    ids = json.dumps({"fan_ids": list(range(1_000_000, 1_100_000))}).encode()
    assert len(parse_body(ids, JSON)["fan_ids"][0]) == 100_000  # type: ignore[arg-type]
    form = b"&".join(b"a=%d" % each for each in range(MAX_FIELDS))
    assert len(parse_body(form, FORM)["a"]) == MAX_FIELDS


class Lists(Params):
    """A list."""

    ids: Ids | None = None


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.text("%aF+=&;\r ", max_size=20))
def test_a_form_is_unescaped_as_everywhere(value: str, rough: str) -> None:
    text = f"a={quote(value)}&{rough}".encode()
    expected: dict[str, list[object]] = {}
    try:
        for name, each in parse_qsl(text.decode(), keep_blank_values=True, errors="strict"):
            if name:
                expected.setdefault(name, []).append(each)
    except UnicodeError:
        with pytest.raises(Unreadable):
            from_query(text)
    else:
        assert from_query(text) == expected


@pytest.mark.parametrize("old", range(PIECE - 8, PIECE + 2))
def test_no_escape_is_cut(old: int) -> None:
    text = "a" * old + "Пё%" + "b" * PIECE + "ü"
    assert from_query(b"a=" + quote(text).encode()) == {"a": [text]}
    assert from_query(b"a=" + b"%" * (2 * PIECE)) == {"a": ["%" * (2 * PIECE)]}


FITTING = {
    "percent signs": (filled(b"a=", b"%"), FORM),
    "plus signs": (filled(b"a=", b"+"), FORM),
    "escapes": (filled(b"a=", b"%41"), FORM),
    "pairs": (b"&".join([b"a=" + b"%41" * 300] * MAX_FIELDS), FORM),
    "parts": (PART * (MAX_FIELDS - 10) + b"--xyz--\r\n", MULTIPART),
    "files": (FILE * (MAX_FIELDS - 10) + b"--xyz--\r\n", MULTIPART),
    "boundaries, nearly": (PART[:-3] + filled(b"", b"\r\n--xy", b"\r\n--xyz--\r\n"), MULTIPART),
    "a text": (filled(b'{"a":"', b"\\u00fc", b'"}'), JSON),
    "numbers": (json.dumps({"fan_ids": list(range(1_000_000, 1_100_000))}).encode(), JSON),
    "fractions": (b'{"a":[' + b"1e-308," * 148_000 + b"1]}", JSON),
    "long fractions": (filled(b'{"a":[', b"1.2345678901234567e-300,", b"1]}"), JSON),
    "fractions beside half a character": (b'{"b":"\\ud800","a":[' + b"1e-308," * 148_000 + b"1]}", JSON),
    "members": (json.dumps({"a": {f"{each * 7919 % 29_000}": each for each in range(29_000)}}).encode(), JSON),
    "objects": (b'{"a":[' + b'{"b":1,"a":2},' * 8_500 + b"1]}", JSON),
}


@pytest.mark.parametrize(("body", "kind"), (TOO_MANY | FITTING).values(), ids=TOO_MANY | FITTING)
def test_no_line_works_long_on_a_body(body: bytes, kind: str) -> None:
    """Between two lines the loop may take the interpreter back."""
    # As the server does when it starts: the objects of the tests themselves are no part of what is measured.
    gc.collect()
    gc.freeze()

    def work() -> None:
        with suppress(TooLarge):
            request_hash("POST", "/", parse_body(body, kind))

    assert not takes_longer(LINE_MILLISECONDS, lambda: longest_line(work))


SERVER = """
import sys
from fanfare.cli import server
loaded = {"email_validator", "phonenumbers"} & set(sys.modules)
server.Server.run = lambda *_: print(sys.getswitchinterval(), len(loaded), "phonenumbers.data.region_DE" in sys.modules)
one, _ = server.socket.socketpair()
server.socket.socket = lambda fileno: one
server.main()
"""


def test_a_server_takes_the_interpreter_back_soon_and_has_loaded_what_takes_long(settings: Settings) -> None:
    environment = {**os.environ, **settings.environment(), SOCKET: "0"}
    ended = subprocess.run([sys.executable, "-c", SERVER], env=environment, capture_output=True, text=True, check=True)
    interval, loaded_by_import, has_tables = ended.stdout.split()
    assert float(interval) <= 0.001
    assert (loaded_by_import, has_tables) == ("0", "True")


class TestBesideTheLoop:
    """Work that waits for the loop ends only where it does not hold it."""

    async def test_long_work_lets_the_loop_run(self) -> None:
        gone_on = threading.Event()
        asyncio.get_running_loop().call_soon(gone_on.set)
        assert await run_by_size(1, SHORT_BYTES + 1, gone_on.wait, PATIENCE)
        gone_on.clear()
        asyncio.get_running_loop().call_soon(gone_on.set)
        assert await run_by_rows(1, MANY_ROWS + 1, gone_on.wait, PATIENCE)

    async def test_short_work_is_done_at_once(self) -> None:
        assert await run_by_size(1, SHORT_BYTES, threading.get_ident) == threading.get_ident()
        assert await run_by_rows(1, MANY_ROWS, threading.get_ident) == threading.get_ident()

    async def test_a_fault_comes_back(self) -> None:
        with pytest.raises(ZeroDivisionError):
            await run_by_size(1, SHORT_BYTES + 1, lambda: 1 / 0)


class TestTurns:
    """Nobody's inputs hold up another's: the first of those that wait is the next but those of others."""

    async def finished(self, *waiting: tuple[int | str, int]) -> list[int | str]:
        """Let owners wait behind a work that is under way, each for a number of works, and return whose ended when."""
        go_on, ended = threading.Event(), list[int | str]()

        async def wait(owner: int | str) -> None:
            await run_by_size(owner, SHORT_BYTES + 1, lambda: None)
            ended.append(owner)

        first = asyncio.create_task(run_by_size(99, SHORT_BYTES + 1, go_on.wait, PATIENCE))
        await asyncio.sleep(0)
        tasks = [asyncio.create_task(wait(owner)) for owner, count in waiting for _ in range(count)]
        for _ in range(3):
            await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, *tasks)
        return ended

    async def test_an_account_waits_for_one_input_of_another(self) -> None:
        assert 2 in (await self.finished((1, 50), (2, 1)))[:2]

    async def test_an_account_waits_for_one_input_of_all_strangers(self) -> None:
        crowd = [(f"192.0.2.{number}", 3) for number in range(20)]
        assert 2 in (await self.finished(*crowd, (2, 1)))[:3]

    async def test_an_address_waits_for_one_input_of_another(self) -> None:
        assert "192.0.2.2" in (await self.finished(("192.0.2.1", 50), ("192.0.2.2", 1)))[:3]

    @pytest.mark.parametrize(("owner", "limit"), [(1, MAX_WAITING_BYTES), ("192.0.2.1", MAX_WAITING_BYTES_OF_ADDRESS)])
    async def test_what_waits_is_bounded(self, owner: int | str, limit: int) -> None:
        go_on = threading.Event()
        first = asyncio.create_task(run_by_size(99, SHORT_BYTES + 1, go_on.wait, PATIENCE))
        waiting = [asyncio.create_task(run_by_size(owner, limit // 2, lambda: None)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await run_by_size(owner, limit // 2, lambda: None)
        rest = asyncio.create_task(run_by_size(2 if owner == 1 else "192.0.2.2", limit // 2, lambda: None))
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, *waiting, rest)
        await run_by_size(owner, limit, lambda: None)


@pytest.mark.parametrize("person", ["stranger", "integrator"])
async def test_a_body_waits_among_those_of_who_showed_the_secret_or_of_the_address(
    near: httpx.AsyncClient, api: Api, person: str
) -> None:
    is_stranger = person == "stranger"
    long: Any = {"ignored": "x" * SHORT_BYTES}
    public = {"Api-Key": api.keys["Api-Key"]}
    go_on = threading.Event()
    first = asyncio.create_task(run_by_size(99, SHORT_BYTES + 1, go_on.wait, PATIENCE))
    owner = "127.0.0.1" if is_stranger else api.account_id
    size = MAX_WAITING_BYTES_OF_ADDRESS if is_stranger else MAX_WAITING_BYTES
    waiting = asyncio.create_task(run_by_size(owner, size, lambda: None))
    await asyncio.sleep(0)
    for keys in (public, {}) if is_stranger else (api.keys,):
        assert (await near.post("/api/v1/where", headers=keys, json=long)).status_code == 503
    asyncio.get_running_loop().call_later(0.05, go_on.set)
    answer = await near.post("/api/v1/where", headers=api.keys if is_stranger else public, json=long)
    assert answer.status_code == (200 if is_stranger else 403)
    await asyncio.gather(first, waiting)


class WhereForm(Form):
    """Reads anything, and tells whether it holds the loop meanwhile."""

    def read(self, raw: object) -> bool:
        text_of(raw)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        return True

    def schema(self) -> dict[str, object]:
        return {"type": "string"}


class Where(Params):
    """A text of any length, and what is read beside it."""

    text: Annotated[LongText | None, "any"] = None
    is_on_the_loop: Annotated[bool, WhereForm()] = False


class Answer(msgspec.Struct):
    """Where the parameters were read."""

    is_on_the_loop: bool


@endpoint.post("/api/v1/where", scope="crm", key=SECRET)
async def where(db: Db, account: Account, params: Where) -> Answer:  # noqa: ARG001
    """Tell where the parameters were read."""
    return Answer(params.is_on_the_loop)


@pytest.fixture(scope="module")
async def near(db: Db) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application in the test's own loop."""
    app: Any = application(Service(db, system_clock), [where.endpoint])  # type: ignore[attr-defined]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://near") as client:
        yield client


@pytest.mark.parametrize("place", ["json", "data", "files"])
@pytest.mark.parametrize("length", [100, 100_000])
async def test_the_parameters_of_a_long_body_are_read_beside_the_loop(
    near: httpx.AsyncClient, api: Api, place: str, length: int
) -> None:
    body: Any = {"is_on_the_loop": "x", "ignored": "x" * length}
    if place == "files":
        body = {name: (None, value) for name, value in body.items()}
    answer = await near.post("/api/v1/where", headers=api.keys, **{place: body})
    assert answer.json() == {"is_on_the_loop": length == 100}
