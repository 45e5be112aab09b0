"""Paths and their responders, and what a responder sees of a request and says in a response."""

from collections.abc import AsyncGenerator
from typing import Any, cast

import httpx
import pytest

from fanfare.kernel.clock import system_clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.web.application import Application, Routes, normal_path
from fanfare.kernel.web.http import Service, application
from fanfare.kernel.web.request import Request
from fanfare.kernel.web.response import Response


def routes(*paths: str) -> Routes:
    """Return routes whose responders name their path."""
    result = Routes()
    for path in paths:
        result.add(path, {path: nothing})
    return result


async def nothing(*_: object) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("path", "route", "values"),
    [
        ("/", "/", {}),
        ("/fans", "/fans", {}),
        ("/fans/7", "/fans/{fan_id}", {"fan_id": "7"}),
        ("/fans/latest", "/fans/latest", {}),
        ("/fans/latest/tags", "/fans/{fan_id}/tags", {"fan_id": "latest"}),
        ("/fans/7/tags/a b", "/fans/{fan_id}/tags/{name}", {"fan_id": "7", "name": "a b"}),
        ("/fans/latest/tags/x", "/fans/{fan_id}/tags/{name}", {"fan_id": "latest", "name": "x"}),
    ],
)
def test_a_literal_segment_takes_precedence_and_what_follows_decides(
    path: str, route: str, values: dict[str, str]
) -> None:
    every = ("/", "/fans", "/fans/{fan_id}", "/fans/latest", "/fans/{fan_id}/tags", "/fans/{fan_id}/tags/{name}")
    responders, read = routes(*every).find(path)
    assert (list(responders), read) == ([route], values)


@pytest.mark.parametrize("path", ["", "*", "/fan", "/fans/7/", "/fans//tags", "/fans/7/tags/x/y", "fans"])
def test_other_paths_are_unknown(path: str) -> None:
    with pytest.raises(Unknown):
        routes("/fans", "/fans/{fan_id}", "/fans/{fan_id}/tags").find(path)


def test_two_routes_cannot_mean_the_same() -> None:
    for second in ("/fans/{fan_id}", "/fans/{fan_uid}/tags"):
        with pytest.raises(ValueError, match="/fans/"):
            routes("/fans/{fan_id}", second)


@pytest.mark.parametrize(
    ("path", "normal"),
    [("/", "/"), ("//", "/"), ("/a//b/", "/a/b"), ("/v1/x", "/api/v1/x"), ("//v1///x/", "/api/v1/x"), ("/v1", "/v1")],
)
def test_paths_have_one_form(path: str, normal: str) -> None:
    assert normal_path(path) == normal


def request_of(headers: list[tuple[bytes, bytes]], query: bytes = b"") -> Request:
    """Return a request."""
    return Request({"type": "http", "method": "GET", "headers": headers, "query_string": query}, nothing, "/x")  # type: ignore[arg-type]


def test_headers_that_are_lists_are_joined() -> None:
    pairs = [(b"x-forwarded-for", b"a"), (b"cookie", b"a=1"), (b"host", b"a")]
    repeated = request_of([*pairs, (b"x-forwarded-for", b"b"), (b"cookie", b"b=2"), (b"host", b"b")])
    assert repeated.headers == {"x-forwarded-for": "a,b", "cookie": "a=1; b=2", "host": "b"}
    assert request_of([(b"host", b"caf\xe9")]).headers == {"host": "caf\xe9"}


def test_cookies_are_read_as_browsers_send_them() -> None:
    cookies = request_of([(b"cookie", b"a=1; b=x=y;c=; d ;; a=2; e= \xe9 ")]).cookies
    assert cookies == {"a": "1", "b": "x=y", "c": "", "e": "\xe9"}
    assert request_of([]).cookies == {}


def test_a_query_that_is_not_utf8_has_no_effect_on_others() -> None:
    assert request_of([], b"a=\xff").relative_url == "/x?a=\ufffd"
    assert request_of([]).relative_url == "/x"


class Resource:
    """What a GET answers, and whether its stream was closed."""

    def __init__(self) -> None:
        self.is_closed = False

    async def on_get(self, request: Request, response: Response, kind: str) -> None:
        """Answer in a form that the path names."""
        response.cookies += ["a=1", "b=2"]
        match kind:
            case "stream":
                response.stream = self.parts()
            case "length":
                response.set_stream(self.parts(), 6)
            case "nothing":
                response.status = 204
            case "fault":
                raise KeyError(kind)
            case _:
                response.append_header("Vary", "A")
                response.append_header("vary", "B")
                response.data = request.headers["accept"].encode()

    on_head = on_get

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """Yield two parts."""
        try:
            yield b"abc"
            yield b"def"
        finally:
            self.is_closed = True


@pytest.fixture
def resource() -> Resource:
    return Resource()


@pytest.fixture
def client(resource: Resource) -> httpx.AsyncClient:
    app: Application = application(Service(Db(), system_clock), ())
    app.add_route("/kinds/{kind}", resource)
    transport = httpx.ASGITransport(cast("Any", app))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def test_the_body_and_its_length(client: httpx.AsyncClient, resource: Resource) -> None:
    plain = await client.get("/kinds/plain", headers={"accept": "ab"})
    assert (plain.content, plain.headers["content-length"], plain.headers["vary"]) == (b"ab", "2", "A, B")
    assert plain.headers["content-type"] == "application/json"
    assert plain.headers.get_list("set-cookie") == ["a=1", "b=2"]
    for kind, length in (("stream", None), ("length", "6")):
        resource.is_closed = False
        streamed = await client.get(f"/kinds/{kind}")
        assert (streamed.content, streamed.headers.get("content-length")) == (b"abcdef", length)
        assert resource.is_closed
    nothing_sent = await client.get("/kinds/nothing")
    assert (nothing_sent.status_code, nothing_sent.content) == (204, b"")
    assert not {"content-length", "content-type"} & nothing_sent.headers.keys()


async def test_a_head_has_the_headers_alone(client: httpx.AsyncClient) -> None:
    for kind in ("plain", "length", "nothing"):
        read = await client.get(f"/kinds/{kind}")
        head = await client.head(f"/kinds/{kind}")
        assert (head.status_code, head.content) == (read.status_code, b"")
        assert {**head.headers, "x-request-id": ""} == {**read.headers, "x-request-id": ""}


async def test_other_methods_are_refused_and_listed(client: httpx.AsyncClient) -> None:
    for method in ("POST", "PUT", "TRACE", "PATCH"):
        refused = await client.request(method, "/kinds/plain")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
        assert refused.json()["code"] == "not_allowed"
    listed = await client.options("/kinds/plain")
    assert (listed.status_code, listed.headers["allow"]) == (200, "GET, HEAD, OPTIONS")


async def test_a_fault_is_answered(client: httpx.AsyncClient) -> None:
    answer = await client.get("/kinds/fault")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert (await client.get("/kinds")).status_code == 404
