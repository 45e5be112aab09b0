"""Who may call, how that is found out before anything costly is read, and what calls are counted by."""

import asyncio
import gzip
import io
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
import pytest

from fanfare.accounts import actions
from fanfare.accounts.jobs import callers, forget_calls
from fanfare.kernel.callers import SCOPES
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.keys import CACHE_SECONDS
from fanfare.kernel.data.limits import NO_ACCOUNT, NO_KEY, REFUSAL_LIMIT
from fanfare.kernel.running import log
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.web.body import MAX_KEYLESS_BYTES
from tests.api import Answer, Api
from tests.conftest import serving
from tests.running import PATIENCE

MAKE = "/api/v1/manage/businesses"
LIST = "/api/v1/businesses"
SHOW = "/api/v1/performances"
LIMIT_HEADERS = {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}
Headers = dict[str, str]
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def settings(database_url: str) -> Settings:
    """A server behind a proxy, so that a test may call from any address."""
    return Settings(database_url=database_url, trusted_proxies=("127.0.0.0/8",))


@pytest.fixture(scope="module")
def base_url(settings: Settings) -> Iterator[str]:
    """The address of a server whose minute does not end."""
    with serving(settings, lambda: NOW) as url:
        yield url


@pytest.fixture(scope="module")
def second_url(base_url: str, settings: Settings) -> Iterator[str]:
    """The address of a second server on the same database."""
    assert base_url
    with serving(settings, lambda: NOW) as url:
        yield url


@pytest.fixture(scope="module")
async def second(second_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=second_url, timeout=PATIENCE) as client:
        yield client


async def new_key(db: Db, api: Api, rate_limit: int = 10_000) -> tuple[Headers, Headers]:
    """Return the headers of a new key with and without its secret."""
    key = await actions.create_key(db, api.account_id, SCOPES, NOW, rate_limit=rate_limit)
    public = {"Api-Key": str(key.api_key)}
    return {**public, "Api-Secret": key.api_secret}, public


async def leave(db: Db, address: str, calls: int) -> None:
    """Let an address have so many refused calls left in the minute."""
    await db.execute(
        "insert into rate_windows (account_id, api_key, subscriber, minute, used) values ($1, $2, $3, $4, $5)",
        NO_ACCOUNT,
        NO_KEY,
        address,
        int(NOW.timestamp()) // 60,
        REFUSAL_LIMIT - calls,
    )


def moment_of(address: str, headers: Headers) -> Headers:
    return {**headers, "X-Forwarded-For": address}


async def number_of(client: httpx.AsyncClient, calls: int, headers: Headers, path: str = LIST) -> list[int]:
    answers = await asyncio.gather(*(client.get(path, headers=headers) for _ in range(calls)))
    return [answer.status_code for answer in answers]


async def head_alone(api: Api, headers: Headers, length: int = 1_000_000) -> tuple[int, dict[str, Any]]:
    """Send the head of a request that promises a body, and nothing of the body; return what is answered."""
    place = urlsplit(str(api.client.base_url))
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    lines = [
        f"POST {MAKE} HTTP/1.1",
        "Host: x",
        f"Content-Length: {length}",
        *(f"{n}: {v}" for n, v in headers.items()),
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        async with asyncio.timeout(PATIENCE):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            size = next(
                int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")
            )
            return int(head.split()[1]), json.loads(await reader.readexactly(size))
    finally:
        writer.close()


async def test_a_key_has_its_calls_for_a_minute(api: Api, db: Db) -> None:
    headers = {"Api-Key": str((await actions.create_key(db, api.account_id, ["apps"], NOW, rate_limit=120)).api_key)}
    answers = await asyncio.gather(*(api.client.get(LIST, headers=headers) for _ in range(150)))
    used = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert (len(used), len(refused)) == (120, 30)
    assert 0 < int(refused[0].headers["retry-after"]) <= 60
    assert {answer.headers["x-ratelimit-limit"] for answer in used} == {"120"}
    assert min(int(answer.headers["x-ratelimit-remaining"]) for answer in used) == 0


class TestBeforeTheBody:
    """No byte of the body is waited for when headers and query say that the call is refused."""

    async def test_an_unknown_key(self, api: Api) -> None:
        status, problem = await head_alone(api, {"Api-Key": str(uuid.uuid4())})
        assert (status, problem["code"]) == (401, "no_key")

    async def test_a_wrong_secret(self, api: Api) -> None:
        status, problem = await head_alone(api, {**api.keys, "Api-Secret": "ffs_wrong"})
        assert (status, problem["code"]) == (401, "no_key")

    async def test_a_key_without_the_scope(self, api: Api, db: Db) -> None:
        key = await actions.create_key(db, api.account_id, ["apps"], NOW)
        status, problem = await head_alone(api, {"Api-Key": str(key.api_key)})
        assert (status, problem["code"]) == (403, "forbidden")

    async def test_a_large_body_that_may_hold_the_key(self, api: Api) -> None:
        status, problem = await head_alone(api, {}, MAX_KEYLESS_BYTES + 1)
        assert (status, problem["code"]) == (413, "too_large")
        assert "Api-Key" in problem["detail"]

    async def test_a_compressed_body(self, api: Api) -> None:
        status, problem = await head_alone(api, {**api.keys, "Content-Encoding": "br"})
        assert (status, problem["code"]) == (415, "unsupported_encoding")

    async def test_an_address_whose_refused_calls_are_used_up(self, api: Api, db: Db) -> None:
        headers = moment_of("198.51.100.70", {})
        await leave(db, "198.51.100.70", 0)
        assert await number_of(api.client, 1, headers) == [429]
        status, problem = await head_alone(api, headers, 1000)
        assert (status, problem["code"]) == (429, "too_many_refusals")


class TestKeyInTheBody:
    @pytest.mark.parametrize("place", ["json", "data", "files"])
    async def test_it_is_found_in_every_kind(self, api: Api, place: str) -> None:
        payload = {"business_name": uuid.uuid4().hex, "legal_terms": "x" * 100_000}
        keys = {"api_key": api.keys["Api-Key"], "api_secret": api.keys["Api-Secret"]}
        for display, in_headers in ((keys, {}), ({"api_secret": keys["api_secret"]}, {"Api-Key": keys["api_key"]})):
            body: Any = {**payload, **display, "business_name": uuid.uuid4().hex}
            if place == "files":
                body = {name: (None, value) for name, value in body.items()}
            answer = await api.client.post(MAKE, headers=in_headers, **{place: body})
            assert answer.status_code == 200, answer.text

    async def test_what_headers_and_query_show_goes_before(self, api: Api, other_api: Api) -> None:
        body = {"business_name": uuid.uuid4().hex, "api_key": other_api.keys["Api-Key"]}
        created = await api.ok(await api.client.post(MAKE, headers=api.keys, json=body))
        assert (await api.public_get(f"{LIST}/{created['business_id']}")).status_code == 200
        only_secret = {"Api-Secret": api.keys["Api-Secret"]}
        assert (await api.client.post(MAKE, headers=only_secret, json=body)).status_code == 401


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate", "gzip, identity"])
async def test_a_compressed_body_is_told_as_such(api: Api, coding: str) -> None:
    body = gzip.compress(json.dumps({"business_name": uuid.uuid4().hex}).encode())
    headers = {**api.keys, "Content-Encoding": coding, "Content-Type": "application/json"}
    answer = await api.client.post(MAKE, headers=headers, content=body)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_encoding")
    assert answer.headers["accept-encoding"] == "identity"
    plain = {**headers, "Content-Encoding": "identity"}
    assert (await api.client.post(MAKE, headers=plain, content=gzip.decompress(body))).status_code == 200


class TestSecretAlone:
    """A secret names its key by itself, wherever it is shown."""

    def show(self, secret: str) -> list[dict[str, Any]]:
        return [
            {"headers": {"Api-Secret": secret}},
            {"headers": {"Api-Key": secret}},
            {"headers": {"Api-Key": secret, "Api-Secret": secret}},
            {"headers": {"Api-Key": "", "Api-Secret": secret}},
            {"params": {"api_secret": secret}},
            {"params": {"api_key": secret}},
            {"data": {"api_secret": secret}},
            {"data": {"api_key": secret}},
            {"json": {"api_secret": secret}},
            {"json": {"api_key": secret}},
        ]

    async def statuses(self, api: Api, secret: str) -> set[int]:
        result = set()
        for each in self.show(secret):
            body = "json" if "json" in each else "data"
            each[body] = {**each.get(body, {}), "business_name": uuid.uuid4().hex}
            answer = await api.client.post(MAKE, **each)
            result.add(answer.status_code)
        return result

    async def test_it_opens_secret_and_public_calls(self, api: Api) -> None:
        secret = api.keys["Api-Secret"]
        assert await self.statuses(api, secret) == {200}
        assert (await api.client.get(LIST, headers={"Api-Secret": secret})).status_code == 200

    async def test_it_has_the_scopes_of_its_key(self, api: Api, db: Db) -> None:
        key = await actions.create_key(db, api.account_id, ["apps"], NOW)
        assert await self.statuses(api, key.api_secret) == {403}

    async def test_a_wrong_one_opens_nothing(self, api: Api, db: Db) -> None:
        secret = api.keys["Api-Secret"]
        wrong = secret[:-1] + ("a" if secret[-1] != "a" else "b")
        assert await self.statuses(api, wrong) == {401}
        another = await actions.create_key(db, api.account_id, SCOPES, NOW)
        for headers in (
            {"Api-Key": str(another.api_key), "Api-Secret": secret},
            {"Api-Key": another.api_secret, "Api-Secret": secret},
            {"Api-Key": "none", "Api-Secret": secret},
        ):
            assert (await api.client.get(LIST, headers=headers)).status_code == 401

    async def test_it_ends_with_its_time_and_with_its_key(self, api: Api, db: Db) -> None:
        key = await actions.create_key(db, api.account_id, SCOPES, NOW)
        now = NOW
        new = await actions.rotate_key(db, api.account_id, key.api_key, now, overlap=timedelta(minutes=-1))
        assert await self.statuses(api, key.api_secret) == {401}
        assert await self.statuses(api, new.api_secret) == {200}
        await actions.revoke_key(db, api.account_id, key.api_key, now)
        await asyncio.sleep(CACHE_SECONDS + 0.1)
        assert await self.statuses(api, new.api_secret) == {401}

    async def test_no_log_has_it(self, api: Api) -> None:
        stream = io.StringIO()
        log.configure("debug", stream=stream)
        secret = api.keys["Api-Secret"]
        query = urlencode({"api_key": secret, "api_secret": secret})
        for path in (LIST, f"{LIST}/{secret}", f"{LIST}/%ff", "/nothing", f"/{secret}", "//v1//businesses", "/docs"):
            await api.client.get(f"{path}?{query}")
            await api.client.delete(f"{path}?{query}")
        await api.client.get(f"{LIST}?api_secret={quote(secret, safe='').replace('_', '%5F')}x")
        place = urlsplit(str(api.client.base_url))
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(f"GET {LIST}?{query} HTTP/9.9\r\nbroken\r\n\r\n".encode())
        await reader.read()
        writer.close()
        log.configure("info")
        written = stream.getvalue()
        assert "answered" in written
        assert secret[4:] not in written


class TestCounts:
    async def test_a_stranger_does_not_use_up_the_integrators_calls(self, api: Api, db: Db) -> None:
        keys, public = await new_key(db, api, rate_limit=20)
        statuses = await number_of(api.client, 30, moment_of("198.51.100.1", public))
        assert (statuses.count(200), statuses.count(429)) == (20, 10)
        assert await number_of(api.client, 1, moment_of("198.51.100.2", public)) == [200]
        statuses = await number_of(api.client, 30, moment_of("198.51.100.1", keys))
        assert (statuses.count(200), statuses.count(429)) == (20, 10)

    async def test_wrong_secrets_use_up_nobodys_calls(self, api: Api, db: Db) -> None:
        keys, public = await new_key(db, api, rate_limit=20)
        wrong = {**public, "Api-Secret": "ffs_wrong"}
        assert set(await number_of(api.client, 30, moment_of("198.51.100.3", wrong))) == {401}
        assert await number_of(api.client, 1, moment_of("198.51.100.3", public)) == [200]
        assert await number_of(api.client, 20, keys) == [200] * 20

    async def test_an_ipv6_subscriber_is_one(self, api: Api, db: Db) -> None:
        _, public = await new_key(db, api, rate_limit=20)
        answers = await asyncio.gather(
            *(api.client.get(LIST, headers=moment_of(f"[2001:db8:7:1::{n:x}]:{n}", public)) for n in range(1, 31))
        )
        assert sorted(answer.status_code for answer in answers) == [200] * 20 + [429] * 10
        assert await number_of(api.client, 1, moment_of("2001:db8:7:2::1", public)) == [200]

    async def test_two_processes_agree(self, api: Api, db: Db, second: httpx.AsyncClient) -> None:
        keys, public = await new_key(db, api, rate_limit=20)
        for headers in (keys, moment_of("198.51.100.4", public)):
            pair = await asyncio.gather(*(number_of(client, 20, headers) for client in (api.client, second)))
            assert sorted([*pair[0], *pair[1]]) == [200] * 20 + [429] * 20

    async def test_refused_calls_are_limited_by_address(self, api: Api, db: Db, second: httpx.AsyncClient) -> None:
        keys, public = await new_key(db, api)
        here = moment_of("198.51.100.5", {})
        await leave(db, "198.51.100.5", 24)
        wrong = [
            {"Api-Key": str(uuid.uuid4())},
            {**public, "Api-Secret": "wrong"},
            {"Api-Secret": keys["Api-Secret"] + "x"},
            {},
        ]
        statuses: list[int] = []
        for client in (api.client, second):
            for headers in wrong:
                statuses += await number_of(client, 6, {**here, **headers})
        assert (statuses.count(401), statuses.count(429)) == (24, 24)
        refused = await second.get(LIST, headers={**here, "Api-Key": str(uuid.uuid4())})
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_refusals")
        assert 0 < int(refused.headers["retry-after"]) <= 60
        # Whoever shares the address and has the right key is not shut out.
        for client in (api.client, second):
            for right in (keys, public):
                assert await number_of(client, 1, {**here, **right}) == [200]
        assert await number_of(api.client, 1, moment_of("198.51.100.6", {"Api-Key": "none"})) == [401]

    async def test_the_counts_are_forgotten(self, api: Api, db: Db) -> None:
        _, public = await new_key(db, api)
        assert await number_of(api.client, 1, moment_of("198.51.100.7", public)) == [200]
        assert await number_of(api.client, 1, moment_of("198.51.100.7", {})) == [401]
        rows = "select count(*) from rate_windows where account_id in ($1, $2) and subscriber = '198.51.100.7'"
        assert await db.value(rows, api.account_id, NO_ACCOUNT) == 2
        assert {api.account_id, NO_ACCOUNT} <= set(await callers(db))
        for account_id in (api.account_id, NO_ACCOUNT):
            await forget_calls(db, account_id, NOW + timedelta(minutes=5))
        assert await db.value(rows, api.account_id, NO_ACCOUNT) == 0

    async def test_every_answer_tells_the_limit(self, api: Api, db: Db) -> None:
        keys, public = await new_key(db, api, rate_limit=50)
        narrow = await actions.create_key(db, api.account_id, ["apps"], NOW)
        answers: list[Answer] = [
            await api.client.get(LIST, headers=keys),
            await api.client.get(LIST, headers={**public, "If-None-Match": "*"}),
            await api.client.get(f"{LIST}/999999999", headers=keys),
            await api.client.get(f"{LIST}/x", headers=keys),
            await api.client.get(f"{LIST}?x=%ff", headers=keys),
            await api.client.post(MAKE, headers=public),
            await api.client.post(MAKE, headers={"Api-Secret": narrow.api_secret}),
            await api.client.post(MAKE, headers=keys, content=b"{"),
            await api.client.post(MAKE, headers=keys, json={f"n{n}": n for n in range(1001)}),
            await api.client.post(MAKE, headers={**keys, "Content-Encoding": "gzip"}, content=b"x"),
            await api.client.post(MAKE, headers={**public, "Api-Secret": "wrong"}),
            await api.client.get(LIST),
        ]
        assert [answer.status_code for answer in answers] == [
            200, 200, 404, 422, 400, 403, 403, 400, 413, 415, 401, 401]  # fmt: skip
        await number_of(api.client, 60, keys)
        answers.append(await api.client.get(LIST, headers=keys))
        assert answers[-1].status_code == 429
        for answer in answers:
            assert set(answer.headers) >= LIMIT_HEADERS, answer.status_code
        assert answers[-1].headers["x-ratelimit-remaining"] == "0"


class TestIdempotency:
    """The words of an Idempotency-Key are shared by nobody who may not know their answers."""

    async def show(self, api: Api, headers: Headers, word: str, address: str = "203.0.113.1") -> Answer:
        body = {"performance_name": "Open air", "performance_date": "2026-08-01"}
        return await api.client.post(SHOW, headers={**moment_of(address, headers), "Idempotency-Key": word}, json=body)

    async def test_keys_and_levels_have_their_own(self, api: Api, db: Db) -> None:
        word = uuid.uuid4().hex
        rows = [await self.show(api, headers, word) for _ in range(2) for headers in await new_key(db, api)]
        assert [answer.status_code for answer in rows] == [200] * 4
        assert not any("idempotent-replayed" in answer.headers for answer in rows)
        assert len({answer.json()["performance_uid"] for answer in rows}) == 4

    async def test_a_repeat_is_known_however_the_key_is_shown(self, api: Api, db: Db) -> None:
        word, (keys, _) = uuid.uuid4().hex, await new_key(db, api)
        first = await self.show(api, keys, word)
        again = await self.show(api, {"Api-Secret": keys["Api-Secret"]}, word)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.json() == first.json()

    async def test_a_banned_address_gets_no_stored_answer(self, api: Api, db: Db) -> None:
        word, (_, public) = uuid.uuid4().hex, await new_key(db, api)
        assert (await self.show(api, public, word)).status_code == 200
        await api.ok(await api.post("/api/v1/crm/ip_addresses", ip_address="::ffff:203.0.113.0/120", is_blocked=True))
        refused = await self.show(api, public, word)
        assert (refused.status_code, refused.json()["code"]) == (403, "address_blocked")
        assert (await self.show(api, public, word, "192.0.2.77")).headers["idempotent-replayed"] == "true"

    async def test_erasing_a_fan_redacts_one_answer_of_two_under_one_word(self, api: Api, db: Db) -> None:
        word, emails = uuid.uuid4().hex, [f"{uuid.uuid4().hex}@example.com" for _ in range(2)]
        fans = [(await api.ok(await api.post("/api/v1/crm/fans", email=email)))["fan_id"] for email in emails]
        calls = []
        for email in emails:
            keys, _ = await new_key(db, api)
            calls.append(({**keys, "Idempotency-Key": word}, {"tag_name": "erased", "emails": [email]}))
        path = "/api/v1/manage/tags/fans"
        first = [await api.ok(await api.client.post(path, headers=keys, json=body)) for keys, body in calls]
        await api.ok(await api.post(f"/api/v1/manage/fans/{fans[0]}/erase"))
        again = [await api.client.post(path, headers=keys, json=body) for keys, body in calls]
        assert emails[0] not in again[0].text
        assert again[1].json() == first[1]
        assert [answer.headers["idempotent-replayed"] for answer in again] == ["true", "true"]
