"""How every call behaves on the wire, whatever it does."""

import asyncio
import gzip
import json
import re
import uuid
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from fanfare import app
from fanfare.kernel.data.db import Connection, Db
from fanfare.kernel.data.pool import Pool
from fanfare.kernel.parameters import Slot, slots
from fanfare.kernel.web.endpoint import Endpoint
from tests.api import Api
from tests.running import PATIENCE

MAKE = "/api/v1/manage/businesses"


def name() -> str:
    return f"Business {uuid.uuid4()}"


async def raw(api: Api, request: bytes) -> bytes:
    """Send bytes as they are and return what comes back until the server closes or an answer is complete."""
    address = urlsplit(str(api.client.base_url))
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(request)
    got = b""
    try:
        async with asyncio.timeout(PATIENCE):
            while part := await reader.read(65536):
                got += part
                if b"\r\n\r\n" in got and b"content-length: 0" not in got and got.rstrip().endswith(b"}"):
                    break
    finally:
        writer.close()
    return got


@pytest.mark.parametrize(
    "path", ["/api/v1/businesses", "/v1/businesses", "/api//v1///businesses", "/api/v1/businesses/"]
)
async def test_paths_that_mean_the_same(api: Api, path: str) -> None:
    assert (await api.public_get(path)).status_code == 200


async def test_parameters_from_everywhere_give_the_same(api: Api) -> None:
    payload = {"business_name": "", "legal_terms": "a b&c=é"}
    answers = []
    for place in ("params", "data", "json", "files"):
        body = {**payload, "business_name": name()}
        values = {key: (None, value) for key, value in body.items()} if place == "files" else body
        created = await api.ok(await api.client.request("POST", MAKE, headers=api.keys, **{place: values}))  # type: ignore[arg-type]
        one = await api.ok(await api.public_get(f"/api/v1/businesses/{created['business_id']}"))
        answers.append((one["business_name"] == body["business_name"], one["legal_terms"]))
    assert answers == [(True, "a b&c=é")] * 4


async def test_keys_may_be_parameters(api: Api) -> None:
    keys = {"api_key": api.keys["Api-Key"], "api_secret": api.keys["Api-Secret"]}
    assert (await api.client.get("/api/v1/businesses", params=keys)).status_code == 200
    assert (await api.client.post(MAKE, json={**keys, "business_name": name()})).status_code == 200
    assert (await api.client.post(MAKE, data={**keys, "business_name": name()})).status_code == 200


async def test_the_path_beats_the_body_and_the_body_the_query(api: Api) -> None:
    created = await api.ok(await api.post(MAKE, business_name=name()))
    second = await api.ok(await api.post(MAKE, business_name=name()))
    path = f"{MAKE}/{created['business_id']}?legal_terms=query&legal_rules=query"
    body = {"business_id": second["business_id"], "legal_terms": "body"}
    saved = await api.ok(await api.client.post(path, headers=api.keys, json=body))
    assert saved == created
    one = await api.ok(await api.public_get(f"/api/v1/businesses/{created['business_id']}"))
    assert (one["legal_terms"], one["legal_rules"]) == ("body", "query")


async def test_every_wrong_field_is_named(api: Api) -> None:
    answer = await api.post(MAKE, media_map="x", style_props=[1], legal_terms="a\0b", locale_props={"a": "\0"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert [error["field"] for error in problem["errors"]] == [
        "business_name", "legal_terms", "media_map", "locale_props", "style_props"]  # fmt: skip
    assert {"type", "title", "status", "detail", "code", "error", "request_id"} <= set(problem)
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"7", "application/json", 400),
        (b'{"business_name": "\\ud800"}', "application/json", 422),
        (b"business_name=%ff", "application/x-www-form-urlencoded", 400),
        (b"<a/>", "application/xml", 415),
        (b"no boundary", "multipart/form-data", 400),
        (b"--b\r\nContent-Disposition: form-data", "multipart/form-data; boundary=b", 400),
        (b"business_name=a&business_name=b", "application/x-www-form-urlencoded", 422),
        (b'{"business_name": "' + b"n" * 900_000 + b'"}', "application/json", 422),
        (b'{"business_name": "' + b"n" * 1_100_000 + b'"}', "application/json", 413),
        (json.dumps({f"f{n}": 1 for n in range(1001)}).encode(), "application/json", 413),
        (b'{"business_name": "deep", "media_map": ' + b'{"a":' * 30 + b"1" + b"}" * 31, "application/json", 422),
        (b'{"a":' * 100_000, "application/json", 413),
    ],
)
async def test_bad_bodies_get_a_clear_refusal(api: Api, db: Db, body: bytes, kind: str, status: int) -> None:
    old = await db.value("select count(*) from businesses where account_id = $1", api.account_id)
    answer = await api.client.post(MAKE, content=body, headers={**api.keys, "Content-Type": kind})
    assert answer.status_code == status, answer.text
    assert answer.json()["status"] == status
    assert await db.value("select count(*) from businesses where account_id = $1", api.account_id) == old


WRITES = pytest.mark.parametrize(
    "endpoint",
    [each for each in app.endpoints() if each.is_write and not each.takes_file],
    ids=lambda each: each.call_id,
)


def path_of(endpoint: Endpoint) -> str:
    return re.sub(r"\{[^}]*\}", "1", endpoint.path)


@WRITES
async def test_a_body_that_is_no_object_is_told_as_such(api: Api, endpoint: Endpoint) -> None:
    array = "" if endpoint.array_field else "[1]"
    for body in filter(None, (array, '"x"', "7", "null")):
        headers = {**api.keys, "Content-Type": "application/json"}
        answer = await api.client.request(endpoint.method, path_of(endpoint), headers=headers, content=body)
        detail = f"the body must be a JSON object{' or array' if endpoint.array_field else ''}"
        assert (answer.status_code, answer.json()["detail"]) == (400, detail)


@WRITES
async def test_a_body_of_another_media_type_is_refused(api: Api, endpoint: Endpoint) -> None:
    for kind in ("text/plain", "application/xml; charset=utf-8", "nothing"):
        headers = {**api.keys, "Content-Type": kind}
        answer = await api.client.request(endpoint.method, path_of(endpoint), headers=headers, content=b"email=x")
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_body_that_never_ends_is_cut_off(api: Api) -> None:
    head = f"POST {MAKE} HTTP/1.1\r\nHost: x\r\nApi-Key: {api.keys['Api-Key']}\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    got = await raw(api, head.encode() + chunk * 20)
    assert b" 413 " in got.split(b"\r\n")[0]


async def test_a_caller_who_waits_for_100_gets_it(api: Api) -> None:
    address = urlsplit(str(api.client.base_url))
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    body = json.dumps({"business_name": name()}).encode()
    keys = "".join(f"{key}: {value}\r\n" for key, value in api.keys.items())
    head = f"POST {MAKE} HTTP/1.1\r\nHost: x\r\n{keys}Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(PATIENCE):
        assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
        writer.write(body)
        assert b" 200 " in await reader.readline()
    writer.close()


async def test_unknown_addresses_and_methods(api: Api) -> None:
    missing = await api.client.get("/api/v1/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown")
    wrong = await api.client.delete("/api/v1/businesses")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "not_allowed")
    assert wrong.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_head_is_get_without_its_body(api: Api) -> None:
    got = await api.public_get("/api/v1/businesses")
    head = await api.client.head("/api/v1/businesses", headers={"Api-Key": api.keys["Api-Key"]})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]


async def test_public_calls_may_come_from_any_page(api: Api) -> None:
    preflight = await api.client.options("/api/v1/businesses", headers={"Origin": "https://club.example"})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "Api-Key" in preflight.headers["access-control-allow-headers"]
    assert "access-control-allow-origin" in (await api.public_get("/api/v1/businesses")).headers
    secret = await api.client.options(MAKE, headers={"Origin": "https://club.example"})
    assert "access-control-allow-origin" not in secret.headers
    assert "access-control-allow-origin" not in (await api.post(MAKE, business_name=name())).headers


async def test_long_answers_are_compressed_for_those_who_accept_it(api: Api) -> None:
    await api.ok(await api.post(MAKE, business_name=name(), legal_terms="long " * 1000))
    path = f"/api/v1/businesses?api_key={api.keys['Api-Key']}"
    plain = await api.client.get(path, headers={"Accept-Encoding": "identity"})
    async with api.client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as packed:
        body = b"".join([part async for part in packed.aiter_raw()])
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == plain.content
    for refused in ("gzip;q=0", "br, gzip; q=0.000", "xgzip"):
        answer = await api.client.get(path, headers={"Accept-Encoding": refused})
        assert ("content-encoding" in answer.headers, answer.content) == (False, plain.content)
    answer = await api.client.get(path, headers={"Accept-Encoding": "br, GZIP;q=0.5"})
    assert (answer.headers["content-encoding"], answer.content) == ("gzip", plain.content)


async def test_a_known_answer_is_not_sent_again(api: Api) -> None:
    await api.ok(await api.post(MAKE, business_name=name(), legal_terms="long " * 1000))
    first = await api.public_get("/api/v1/businesses")
    keys = {"Api-Key": api.keys["Api-Key"], "If-None-Match": f'"other", {first.headers["etag"]}'}
    again = await api.client.get("/api/v1/businesses", headers=keys)
    assert (again.status_code, again.content) == (304, b"")
    # Caches file both by the same headers.
    assert again.headers["vary"] == first.headers["vary"] == "Accept-Encoding"
    await api.ok(await api.post(MAKE, business_name=name()))
    assert (await api.client.get("/api/v1/businesses", headers=keys)).status_code == 200


class TestIdempotency:
    async def test_a_replay_has_one_effect(self, api: Api) -> None:
        body = {"business_name": name()}
        key = {"Idempotency-Key": uuid.uuid4().hex}
        first = await api.post(MAKE, key, **body)
        again = await api.post(MAKE, key, **body)
        assert first.json() == again.json()
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"

    async def test_another_body_is_refused(self, api: Api) -> None:
        key = {"Idempotency-Key": uuid.uuid4().hex}
        await api.ok(await api.post(MAKE, key, business_name=name()))
        answer = await api.post(MAKE, key, business_name=name())
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"

    async def test_a_repeat_may_come_in_another_order_and_coding(self, api: Api) -> None:
        payload = {"business_name": name(), "legal_terms": "a b&c=é", "media_map": '{"b":1,"a":[2]}'}
        key = {**api.keys, "Idempotency-Key": uuid.uuid4().hex}
        backwards = dict(reversed(payload.items()))
        parts = [(name, (None, value)) for name, value in payload.items()]
        repeats: list[dict[str, Any]] = [
            {"json": payload},
            {"json": backwards},
            {"data": backwards},
            {"params": {**payload, "timestamp": "1"}},
            {"params": {"timestamp": "2"}, "files": parts},
            {"params": {"timestamp": "3"}, "files": parts},
        ]
        answers = [await api.client.post(MAKE, headers=key, **each) for each in repeats]
        assert [answer.status_code for answer in answers] == [200] * len(repeats)
        assert len({answer.json()["business_id"] for answer in answers}) == 1
        for updated in ({"legal_terms": "a b&c=e"}, {"legal_rules": "one more"}, {"business_name": name()}):
            answer = await api.client.post(MAKE, headers=key, json={**payload, **updated})
            assert answer.status_code == 422, updated

    async def test_racing_repeats_have_one_effect(self, api: Api) -> None:
        body = {"business_name": name()}
        key = {"Idempotency-Key": uuid.uuid4().hex}
        answers = await asyncio.gather(*(api.post(MAKE, key, **body) for _ in range(20)))
        assert {answer.status_code for answer in answers} <= {200, 409}
        assert len({answer.json()["business_id"] for answer in answers if answer.status_code == 200}) == 1
        codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
        assert codes <= {"still_running"}

    async def test_a_refused_request_leaves_its_key_free(self, api: Api) -> None:
        key = {"Idempotency-Key": uuid.uuid4().hex}
        assert (await api.post(MAKE, key)).status_code == 422
        assert (await api.post(MAKE, key, business_name=name())).status_code == 200

    async def test_accounts_do_not_share_keys(self, api: Api, other_api: Api) -> None:
        body = {"business_name": name()}
        key = {"Idempotency-Key": uuid.uuid4().hex}
        await api.ok(await api.post(MAKE, key, **body))
        second = await other_api.post(MAKE, key, **body)
        assert second.status_code == 200
        assert "idempotent-replayed" not in second.headers

    @pytest.mark.parametrize("key", ["", "k" * 256, "a\tb"])
    async def test_a_malformed_key_is_refused_without_a_connection(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, key: str
    ) -> None:
        acquire, acquire_now = Pool.acquire, Pool.acquire_now
        accounts: list[object] = []

        async def watched(pool: Pool, account_id: int | None, *, is_beside: bool = False) -> Connection:
            accounts.append(account_id)
            return await acquire(pool, account_id, is_beside=is_beside)

        def watched_now(pool: Pool, account_id: int | None, *, is_beside: bool = False) -> Connection | None:
            accounts.append(account_id)
            return acquire_now(pool, account_id, is_beside=is_beside)

        monkeypatch.setattr(Pool, "acquire", watched)
        monkeypatch.setattr(Pool, "acquire_now", watched_now)
        answer = await api.post(MAKE, {"Idempotency-Key": key}, business_name=name())
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
        assert api.account_id not in accounts
        await api.ok(await api.post(MAKE, {"Idempotency-Key": uuid.uuid4().hex}, business_name=name()))
        assert api.account_id in accounts


async def test_a_call_names_its_request(api: Api) -> None:
    named = await api.client.get("/api/v1/businesses", headers={"X-Request-Id": "my-request-17"})
    assert named.headers["x-request-id"] == "my-request-17"
    strange = await api.client.get("/api/v1/businesses", headers={"X-Request-Id": "a b\tc"})
    assert strange.headers["x-request-id"] != "a b\tc"


@pytest.mark.parametrize(
    "path", ["/api/v1/businesses/%00", "/api/v1/businesses/%ff", "/api/v1/businesses/" + "9" * 400]
)
async def test_strange_ids_in_the_path(api: Api, path: str) -> None:
    answer = await api.public_get(path)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "business_id"


async def test_health_pages(api: Api) -> None:
    assert (await api.client.get("/healthz")).json() == {"status": "ok"}
    ready = await api.client.get("/readyz")
    assert ready.json()["status"] == "ok"
    assert ready.json()["schema"] >= 4
    figures = (await api.client.get("/metrics")).text
    assert 'fanfare_calls_total{call="businesses_list",status="200"}' in figures


async def test_a_keyless_call_is_refused(api: Api) -> None:
    async with httpx.AsyncClient(base_url=api.client.base_url, timeout=PATIENCE) as stranger:
        for headers in ({}, {"Api-Key": "nonsense"}, {"Api-Key": str(uuid.uuid4())}):
            answer = await stranger.get("/api/v1/businesses", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "no_key")


READERS = ["crm/fans", "crm/activities", "crm/tickets", "crm/fans/latest", "manage/erasures", "manage/merges"]


@pytest.mark.parametrize("path", READERS)
async def test_names_that_a_list_does_not_know_are_told_back(api: Api, path: str) -> None:
    plain = (await api.ok(await api.get(f"/api/v1/{path}")))["meta"]
    assert "ignored_parameters" not in plain
    answer = await api.ok(
        await api.get(f"/api/v1/{path}", fan_cuntry="CA", timestamp=1, **{"a\0b": "x", "n" * 300: "x"})
    )
    assert answer["meta"].pop("ignored_parameters") == ["fan_cuntry", "timestamp", "a\0b", "n" * 100]
    count = await api.ok(await api.get(f"/api/v1/{path}", **{f"n{number}": "x" for number in range(300)}))
    assert count["meta"]["ignored_parameters"] == [f"n{number}" for number in range(20)]
    body = b'{"api_key": "%s", "\\ud800": 1}' % api.keys["Api-Key"].encode()
    headers = {**api.keys, "Content-Type": "application/json"}
    half = await api.ok(await api.client.request("GET", f"/api/v1/{path}", headers=headers, content=body))
    assert half["meta"]["ignored_parameters"] == ["?"]


LIMITED = [
    (each, slot)
    for each in app.endpoints()
    for slot in (slots(each.params) if each.params else ())
    if slot.name == "limit"
]


@pytest.mark.parametrize(("endpoint", "slot"), LIMITED, ids=[each.call_id for each, _ in LIMITED])
async def test_a_limit_above_the_most_means_the_most(api: Api, endpoint: Endpoint, slot: Slot) -> None:
    maximum = slot.form.read(2**40)
    assert slot.description.endswith(f" More than {maximum} means {maximum}.")
    wrong = await api.client.get(path_of(endpoint), params={"limit": -1}, headers=api.keys)
    large = await api.client.get(path_of(endpoint), params={"limit": 2**40}, headers=api.keys)
    assert "limit" in [each["field"] for each in wrong.json()["errors"]]
    assert large.status_code in (200, 404, 422)
    if large.status_code == 422:
        assert "limit" not in [each["field"] for each in large.json()["errors"]]
