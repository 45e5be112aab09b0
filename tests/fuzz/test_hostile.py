"""Values that break programs, in each parameter of each call, the others being as in the call's example.

`make test` tries a quarter of the values in a parameter and of the bodies in a call, `make fuzz` each of them.
"""

import asyncio
import copy
import json
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import pytest

from fanfare import app
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import Endpoint
from tests.fuzz.conftest import DOCUMENT, Headers
from tests.fuzz.wire import Answered, Wire
from tests.rules.twins import digests

T = TypeVar("T")
AT_ONCE = 4
# A parameter gets one of so many parts of the values, chosen by its call and name. Its form, such as a time or a text,
# is that of many others, which get the rest.
PARTS = 1 if os.environ.get("FANFARE_INPUTS") == "drawn" else 4
CONFLICT = 409
DEEP: Any = []
for _ in range(40):
    DEEP = [DEEP]
HOSTILE: list[Any] = [
    "\0",
    "a\0b",
    "\ud800",
    "\u202e\u0000\u200b",
    "'; drop table fans; --",
    '"><script>alert(1)</script>',
    "%00%ff%",
    "=cmd|' /C calc'!A0",
    2**63,
    -(2**63),
    -1,
    0,
    10**40,
    1e308,
    "NaN",
    "Infinity",
    "1e999999",
    "0x10",
    "",
    " ",
    "None",
    True,
    None,
    [],
    {},
    ["a", "a", 1, None, {}],
    {"": {"$gt": ""}},
    DEEP,
    "2026-02-30",
    "0000-00-00",
    "99999-12-31",
    "-infinity",
    "2026-03-08 02:30:00",
    "x" * 1_000_000,
    "1," * 20_000,
]


EACH = pytest.mark.parametrize("endpoint", app.endpoints(), ids=lambda each: each.call_id)
FORM = "application/x-www-form-urlencoded"
Case = tuple[dict[str, Any], int]


def example(endpoint: Endpoint) -> dict[str, Any]:
    """Return parameters with which the call is right, as far as its document has examples."""
    operation = DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    values = copy.deepcopy(content.get("example", {}))
    for parameter in operation.get("parameters", []):
        if "name" in parameter and parameter["in"] in ("query", "path") and parameter.get("required"):
            values[parameter["name"]] = parameter.get("example", 1)
    return values if isinstance(values, dict) else {endpoint.array_field or "": values}


def names(endpoint: Endpoint) -> list[str]:
    fields = endpoint.params.__struct_fields__ if endpoint.params else ()
    return [*fields, *re.findall(r"\{(\w+)", endpoint.path), "api_key"]


def cases(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    for name in dict.fromkeys(names(endpoint)):
        for value in part_of(HOSTILE, f"{endpoint.call_id} {name}"):
            yield {**example(endpoint), name: value}


def part_of(values: Sequence[T], name: str) -> Sequence[T]:
    """Return the values that something gets by its name."""
    return values[zlib.crc32(name.encode()) % PARTS :: PARTS]


async def send(wire: Wire, endpoint: Endpoint, values: dict[str, Any]) -> Answered:
    """Send parameters: those of the path in the path, the others as JSON where there is a body, else in the query."""

    def placed(match: re.Match[str]) -> str:
        value = str(values.pop(match[1], 1)).encode("utf-8", "surrogatepass")[:2000]
        return "".join(f"%{byte:02x}" for byte in value) or "%20"

    path = re.sub(r"\{(\w+)[^}]*\}", placed, endpoint.path)
    if endpoint.method == "POST":
        return await wire.send("POST", path, json.dumps(values).encode())
    query = urlencode({name: _text(value) for name, value in values.items()}, errors="surrogatepass")
    return await wire.send(endpoint.method, f"{path}?{query}")


def _text(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value))[:10_000]


async def send_cases(base_url: str, keys: Headers, endpoint: Endpoint, waiting: list[dict[str, Any]]) -> list[Case]:
    """Send them, several at once; return what each was told."""
    result: list[Case] = []
    remaining = list(waiting)

    async def work() -> None:
        wire = Wire(base_url, keys)
        while remaining:
            values = remaining.pop()
            result.append((values, (await send(wire, endpoint, dict(values))).status))
        await wire.close()

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return result


@pytest.mark.usefixtures("client")
@EACH
async def test_hostile_values_are_answered_and_what_is_refused_is_not_written(
    endpoint: Endpoint, base_url: str, keys: Headers, account_id: int, db: Db
) -> None:
    result = await send_cases(base_url, keys, endpoint, list(cases(endpoint)))
    assert [f"{status} for {json.dumps(values)[:300]}" for values, status in result if status >= 500] == []
    # A conflict hangs on what is there, which the calls after it have changed.
    refused = [values for values, status in result if status >= 400 and status != CONFLICT]
    if endpoint.is_write and refused:
        # Alone this time: whatever is then written was written by a refused call.
        old = await digests(db, account_id)
        again = await send_cases(base_url, keys, endpoint, refused)
        assert [values for values, status in again if status < 400] == []
        assert await digests(db, account_id) == old


BODIES: dict[str, tuple[str, bytes]] = {
    "plain text": ("text/plain", b'{"email": "ada@example.com"}'),
    "xml": ("application/xml", b"<email>ada@example.com</email>"),
    "picture": ("image/png", b"\x89PNG\r\n\x1a\n"),
    "no kind that there is": ("application/", b"{}"),
    "scalar": ("application/json", b"5"),
    "text": ("application/json", b'"email"'),
    "cut off": ("application/json", b'{"email": "ada@exam'),
    "no UTF-8": ("application/json", b'{"email": "\xff\xfe"}'),
    "no UTF-8 in a form": ("application/x-www-form-urlencoded", b"email=%ff%fe"),
    "deep": ("application/json", b"[" * 100_000 + b"]" * 100_000),
    "many": ("application/json", json.dumps({f"n{number}": 1 for number in range(1001)}).encode()),
    "many in a form": ("application/x-www-form-urlencoded", b"&".join(b"n%d=1" % number for number in range(1001))),
    "without a boundary": ("multipart/form-data", b"--x\r\n\r\nada\r\n--x--"),
    "another boundary": ("multipart/form-data; boundary=y", b"--x\r\n\r\nada\r\n--x--"),
    "too large": ("application/json", b'{"email": "' + b"x" * 1_100_000 + b'"}'),
}


@pytest.mark.usefixtures("client")
@EACH
async def test_bodies_that_are_no_parameters_are_refused(
    endpoint: Endpoint, base_url: str, keys: Headers, account_id: int, db: Db
) -> None:
    if endpoint.takes_file:
        # Any body is a file; tests/imports has those.
        return
    old = await digests(db, account_id)
    path = re.sub(r"\{[^}]*\}", "1", endpoint.path)
    for name, (kind, body) in part_of(list(BODIES.items()), endpoint.call_id):
        wire = Wire(base_url, keys)
        answered = await wire.send(endpoint.method, path, body, kind)
        await wire.close()
        is_read = kind.startswith(("application/json", "application/x-www", "multipart/"))
        assert answered.status in ((400, 413) if is_read else (415,)), (name, answered)
    assert await digests(db, account_id) == old


@pytest.mark.usefixtures("client")
@EACH
async def test_a_name_given_twice_counts_once_or_is_refused(endpoint: Endpoint, base_url: str, keys: Headers) -> None:
    names_ = [name for name in names(endpoint) if name != "api_key"]
    wire = Wire(base_url, keys)
    path = re.sub(r"\{[^}]*\}", "1", endpoint.path)
    for name in names_:
        answered = await wire.send(endpoint.method, path, f"{name}=1&{name}=2".encode(), FORM)
        assert answered.status < 500, (name, answered)
        answered = await wire.send(endpoint.method, path, f'{{"{name}": 1, "{name}": [2]}}'.encode())
        assert answered.status < 500, (name, answered)
    await wire.close()
