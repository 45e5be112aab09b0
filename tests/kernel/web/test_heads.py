"""Whatever comes as a request gets an answer in our form: no HTML, no plain text, no 500, no silence."""

import itertools
import json
import random

import pytest

from tests.api import Api
from tests.kernel.sockets import HOST, Answer, Socket, answers_to

GET = b"GET /healthz HTTP/1.1\r\n" + HOST
POST = b"POST /api/v1/manage/businesses HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
ODD: dict[str, tuple[bytes, int]] = {
    # versions
    "no version": (b"GET /healthz\r\n\r\n", 400),
    "no version and no end": (b"GET /healthz\r\n", 400),
    "0.9": (b"GET /healthz HTTP/0.9\r\n\r\n", 505),
    "9.9": (b"GET /healthz HTTP/9.9\r\n\r\n", 505),
    "1.2": (b"GET /healthz HTTP/1.2\r\n" + HOST + b"\r\n", 505),
    "2": (b"GET /healthz HTTP/2\r\n" + HOST + b"\r\n", 505),
    "2.0": (b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "another protocol": (b"GET /healthz ICE/1.0\r\n\r\n", 400),
    "a blank after the version": (b"GET /healthz HTTP/1.1 \r\n\r\n", 400),
    # lines
    "garbage": (b"hello\r\n\r\n", 400),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "zeros": (b"\0" * 5000, 400),
    "lines without CR": (b"GET /healthz HTTP/1.1\nHost: x\n\n", 400),
    "two blanks": (b"GET  /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "tabs": (b"GET\t/healthz\tHTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a blank in the path": (b"GET /heal thz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "empty lines alone": (b"\r\n" * 30_000, 400),
    # methods
    "lower case": (b"get /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "an unknown method": (b"BREW /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a method of the parser alone": (b"SOURCE /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a method of no standard": (b"WEBSOCKET /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a tunnel": (b"CONNECT x:443 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "no method": (b"{} /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a method that this path has not": (b"TRACE /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    # addresses
    "no path": (b"GET x:1 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "another scheme": (b"GET ftp://x/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "half an address": (b"GET http://[::1/healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a star": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "the whole server": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "bytes in the path": (b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "UTF-8 in the path": ("GET /é HTTP/1.1\r\nHost: x\r\n\r\n".encode(), 400),
    "bytes in the query": (b"GET /healthz?q=\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a zero in the path": (b"GET /health\0z HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "bad percent escapes": (b"GET /%zz%% HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "bad percent escapes in the query": (b"GET /v1/businesses?a=%zz%&api_key=%ff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a long address": (b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "an endless address": (b"GET /" + b"a" * 1_000_000, 414),
    # headers
    "no host": (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    "two hosts": (GET + HOST + b"\r\n", 400),
    "a folded header": (GET + b"A: b\r\n c\r\n\r\n", 400),
    "a blank before the first header": (b"GET /healthz HTTP/1.1\r\n A: b\r\n" + HOST + b"\r\n", 400),
    "a blank before the colon": (GET + b"A : b\r\n\r\n", 400),
    "no colon": (GET + b"no colon\r\n\r\n", 400),
    "no name": (GET + b": b\r\n\r\n", 400),
    "a zero in a header": (GET + b"A: b\0c\r\n\r\n", 400),
    "a CR in a header": (GET + b"A: b\rc\r\n\r\n", 400),
    "bytes in a name": (GET + b"A\xff: b\r\n\r\n", 400),
    "many headers": (GET + b"a: b\r\n" * 201 + b"\r\n", 431),
    "large headers": (GET + (b"a: " + b"b" * 1000 + b"\r\n") * 70 + b"\r\n", 431),
    "an endless header": (GET + b"a: " + b"b" * 1_000_000, 431),
    "endless headers": (GET + b"a: b\r\n" * 200_000, 431),
    # lengths
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "the same length twice": (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    "a list of lengths": (POST + b"Content-Length: 1, 1\r\n\r\na", 400),
    "a length and chunks": (CHUNKED + b"Content-Length: 1\r\n\r\n0\r\n\r\n", 400),
    "a length below zero": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "a length with a sign": (POST + b"Content-Length: +1\r\n\r\na", 400),
    "a length beyond numbers": (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "a length in thousands of digits": (POST + b"Content-Length: " + b"0" * 5000 + b"1\r\n\r\na", 400),
    "no length": (POST + b"Content-Length:\r\n\r\n", 400),
    # codings
    "chunks in 1.0": (b"POST /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks twice": (CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "another coding": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    "another coding in chunks": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    # upgrades and expectations are passed over
    "a wish for websockets": (GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200),
    "a wish for HTTP/2": (GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", 200),
    "an unknown expectation": (GET + b"Expect: cake\r\n\r\n", 200),
    # what is right, if rare
    "an address in full": (b"GET http://x/healthz HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    "empty lines before": (b"\r\n\r\n" + GET + b"\r\n", 200),
    "1.0 without a host": (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
    "an empty host": (b"GET /healthz HTTP/1.1\r\nHost:\r\n\r\n", 200),
    "bytes in a header": (GET + b"A: \xff\xfe\r\nX-Request-Id: \xff\r\n\r\n", 200),
    "200 headers": (GET + b"a: b\r\n" * 199 + b"\r\n", 200),
    "64 KiB of headers": (GET + b"a: " + b"b" * (65536 - len(GET) - 7) + b"\r\n\r\n", 200),
}  # fmt: skip


async def only(base_url: str, packets: list[bytes]) -> Answer:
    (result,) = await answers_to(base_url, packets, 1)
    assert result is not None, "no answer"
    return result


def holds(result: Answer, status: int) -> None:
    assert result.status == status, result
    if status >= 400:
        assert result.problem["status"] == status
    else:
        assert result.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("request_", "status"), ODD.values(), ids=list(ODD))
async def test_an_odd_request_is_answered(base_url: str, request_: bytes, status: int) -> None:
    holds(await only(base_url, [request_]), status)


@pytest.mark.parametrize(("request_", "status"), ODD.values(), ids=list(ODD))
async def test_an_odd_request_in_pieces_is_answered_the_same(base_url: str, request_: bytes, status: int) -> None:
    chance = random.Random(status)
    size = max(1, len(request_) // 50)
    cuts = [0, *sorted(chance.sample(range(1, len(request_)), min(len(request_) - 1, len(request_) // size))), None]
    holds(await only(base_url, [request_[begin:end] for begin, end in itertools.pairwise(cuts)]), status)


async def test_an_odd_request_after_a_good_one_is_answered(base_url: str) -> None:
    for name, (request_, status) in ODD.items():
        first, second = await answers_to(base_url, [GET + b"\r\n" + request_], 2)
        assert first is not None
        assert first.status == 200
        assert second is not None, name
        holds(second, status)


BAD_BODIES = {
    "no size": (b"zz\r\n\r\n", 400),
    "a size below zero": (b"-1\r\n\r\n", 400),
    "an endless size": (b"0" * 100_000, 431),
    "a size beyond numbers": (b"f" * 17 + b"\r\n", 400),
    "more than its size": (b"1\r\nabc\r\n0\r\n\r\n", 400),
    "an endless extension": (b"1;" + b"a" * 100_000, 431),
    "large extensions": ((b"1;" + b"a" * 900 + b"\r\na\r\n") * 200, 431),
    "chunks of a byte": (b"1\r\na\r\n" * 100_000, 431),
    "many trailers": (b"1\r\na\r\n0\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
    "an endless trailer": (b"1\r\na\r\n0\r\na: " + b"b" * 1_000_000, 431),
    "endless trailers": (b"1\r\na\r\n0\r\n" + b"a: b\r\n" * 200_000, 431),
    "a folded trailer": (b"1\r\na\r\n0\r\nA: b\r\n c\r\n\r\n", 400),
}


@pytest.mark.parametrize(("body", "status"), BAD_BODIES.values(), ids=list(BAD_BODIES))
async def test_a_bad_body_is_answered(api: Api, base_url: str, body: bytes, status: int) -> None:
    result = await only(base_url, [CHUNKED + keys(api) + b"\r\n", body])
    holds(result, status)
    assert result.headers["connection"] == "close"


def keys(api: Api) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in api.keys.items()).encode()


def making(api: Api, name: str, *, chunked: bool) -> bytes:
    """Return a request that makes a business, with a body in chunks and trailers or in one piece."""
    body = json.dumps({"business_name": name, "legal_terms": "\r\n\r\n0\r\n\r\n"}).encode()
    head = POST + keys(api) + b"Content-Type: application/json\r\n"
    if not chunked:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    parts = [body[begin : begin + 7] for begin in range(0, len(body), 7)]
    framed = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(part), part) for part in parts)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\nApi-Secret: none\r\n\r\n"


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6], ids=lambda size: f"packets of {size}")
async def test_requests_in_one_stream_are_answered_in_their_order(api: Api, base_url: str, size: int) -> None:
    names = [f"Business {size} {number}" for number in range(12)]
    requests = [making(api, name, chunked=number % 2 == 0) for number, name in enumerate(names)]
    stream = b"".join(request + GET + b"\r\n" for request in requests)
    packets = [stream[begin : begin + size] for begin in range(0, len(stream), size)]
    result = await answers_to(base_url, packets, 2 * len(names))
    assert [each and each.status for each in result] == [200] * len(result)
    rows = [json.loads(each.body)["business_id"] for each in result[::2] if each]
    ones = [await api.ok(await api.public_get(f"/api/v1/businesses/{business_id}")) for business_id in rows]
    assert [one["business_name"] for one in ones] == names


async def test_the_body_of_a_wish_for_another_protocol_is_a_body(api: Api, base_url: str) -> None:
    wish = HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
    request = making(api, "Upgraded", chunked=False).replace(HOST, wish)
    first, second = await answers_to(base_url, [request + GET + b"\r\n"], 2)
    assert first is not None
    assert first.status == 200, first
    assert second is not None
    assert json.loads(second.body) == {"status": "ok"}


async def test_trailers_are_no_headers(api: Api, base_url: str) -> None:
    result = await only(base_url, [CHUNKED + b"\r\n2\r\n{}\r\n0\r\n" + keys(api) + b"\r\n"])
    assert result.problem["code"] == "no_key"


async def test_a_caller_who_has_said_everything_is_answered(base_url: str) -> None:
    client = await Socket.to(base_url)
    await client.send((GET + b"\r\n") * 3)
    client.writer.write_eof()
    assert [each and each.status for each in [await client.answer() for _ in range(3)]] == [200] * 3
    assert await client.is_closed()


@pytest.mark.parametrize(
    ("begun", "words"),
    [(GET, "before its head"), (POST + b"Content-Length: 9\r\n\r\n{}", "too early")],
    ids=["head", "body"],
)
async def test_half_a_request_is_refused(api: Api, base_url: str, begun: bytes, words: str) -> None:
    client = await Socket.to(base_url)
    await client.send(begun.replace(HOST, HOST + keys(api)))
    client.writer.write_eof()
    response = await client.answer()
    assert response is not None
    assert response.status == 400
    assert words in response.problem["detail"]
    assert await client.is_closed()
