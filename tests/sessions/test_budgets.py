"""S5 to S7: what may be tried so often is counted exactly, with several server processes at once."""

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from fanfare.fans.actions import passwords
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.sessions.actions import budgets
from fanfare.sessions.actions.budgets import Attempt, Budget, TooManyAttempts, count, give_back
from tests.api import Api
from tests.conftest import serving
from tests.sessions.logins import CONNECT, PASSWORD, connect, registered, try_connect

GUESSES = 240


@pytest.fixture(scope="module")
def second_url(settings: Settings) -> Iterator[str]:
    with serving(settings) as url:
        yield url


@pytest.fixture
async def both(api: Api, second_url: str) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Clients of two servers on one database."""
    async with httpx.AsyncClient(base_url=second_url, timeout=60) as second:
        yield [api.client, second]


async def test_passwords_are_argon2id(api: Api, db: Db) -> None:
    session = await registered(api, "hash@example.com")
    stored = await db.value("select password_hash from fans where fan_id = $1", session["fan_id"])
    parameters = extract_parameters(stored)
    assert (parameters.type, parameters.time_cost >= 2, parameters.memory_cost >= 19 * 1024) == (Type.ID, True, True)


async def test_many_logins_at_once_take_the_memory_of_few(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """S5: 200 logins at once; each hash takes 19 MiB, and no more than four are under way."""
    lock, running, peak = threading.Lock(), 0, 0

    class Counting:
        def verify(self, *_: str) -> bool:
            nonlocal running, peak
            with lock:
                running += 1
                peak = max(peak, running)
            # The other threads run meanwhile.
            os.sched_yield()
            with lock:
                running -= 1
            return True

    await registered(api, "crowd@example.com")
    monkeypatch.setattr(passwords, "_hasher", Counting)
    logins = (try_connect(api, "email", email="crowd@example.com", password=PASSWORD) for _ in range(200))
    statuses = [each.status_code for each in await asyncio.gather(*logins)]
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) >= 100
    assert 1 <= peak <= passwords.MAX_HASHES


async def test_a_hundred_guesses_and_the_right_one_is_refused_too(api: Api, both: list[httpx.AsyncClient]) -> None:
    """The account's server names a fan's address with each, so that only the fan's own budget ends them."""
    await registered(api, "target@example.com")
    await registered(api, "other@example.com")

    # Each waits for its turn to hash, and not so long that it is told to come again.
    few = asyncio.Semaphore(12)

    async def guess(number: int, password: str) -> httpx.Response:
        headers = {**api.keys, "X-Forwarded-For": f"198.51.{number % 100}.{number // 100 + 1}"}
        values = {"network": "email", "email": "target@example.com", "password": password}
        async with few:
            return await both[number % 2].post(CONNECT, json=values, headers=headers)

    answers = await asyncio.gather(*(guess(number, f"wrong password {number}") for number in range(GUESSES)))
    codes = [each.json()["code"] for each in answers]
    assert codes.count("wrong_login") == 100
    assert codes.count("too_many_attempts") == GUESSES - 100
    refused = next(each for each in answers if each.status_code == 429)
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    for number in range(2):
        assert (await guess(number, PASSWORD)).status_code == 429
    assert (await connect(api, "email", email="other@example.com", password=PASSWORD))["session_uid"]


async def test_right_passwords_use_nothing_up(api: Api, db: Db) -> None:
    session = await registered(api, "often@example.com")
    logins = (try_connect(api, "email", email="often@example.com", password=PASSWORD) for _ in range(20))
    assert {each.status_code for each in await asyncio.gather(*logins)} == {200}
    attempt = Attempt(budgets.PASSWORDS, f"fan {session['fan_id']}")
    used = await db.value("select used from attempts where subject_hash = $1", attempt.subject_hash)
    assert used == 0


async def test_the_same_guess_counts_by_whatever_identifies_the_fan(api: Api, db: Db) -> None:
    session = await registered(api, "both@example.com", phone="+16045550111")
    for values in ({"email": "both@example.com"}, {"email": "BOTH@example.com"}, {"phone": "604 555 0111"}):
        assert (await try_connect(api, "password", password="wrong password", **values)).status_code == 422
    attempt = Attempt(budgets.PASSWORDS, f"fan {session['fan_id']}")
    assert await db.value("select used from attempts where subject_hash = $1", attempt.subject_hash) == 3


async def test_existence_checks_of_an_address_end(other_api: Api, second_url: str) -> None:
    """S7: neither the check nor a registration lists who is a fan."""
    key = {"Api-Key": other_api.keys["Api-Key"]}
    await other_api.ok(await other_api.post("/api/v1/crm/fans", email="fan0@example.com"))
    async with httpx.AsyncClient(base_url=second_url, timeout=60) as second:

        async def check(number: int) -> httpx.Response:
            values = {"network": ("email", "register")[number % 3 == 0], "email": f"fan{number % 2}@example.com"}
            if values["network"] == "register":
                values["email"] = "fan0@example.com"
            return await (other_api.client, second)[number % 2].post(CONNECT, json=values, headers=key)

        answers = await asyncio.gather(*(check(number) for number in range(130)))
    statuses = [each.status_code for each in answers]
    assert (statuses.count(200), statuses.count(429)) == (100, 30)
    new = await other_api.client.post(CONNECT, json={"network": "register", "email": "new@example.com"}, headers=key)
    assert new.status_code == 429
    # The account's own server, which may look up fans anyway, goes on.
    server = await other_api.post(CONNECT, network="email", email="fan0@example.com")
    assert server.json() == {"status": "login"}


async def test_keyed_logins_beyond_an_accounts_connections_wait_for_none_of_each_other(
    api: Api, other_api: Api
) -> None:
    """Each has a connection for its key's transaction, and counts outside of it, together more than the pool has."""

    async def enter(account: Api, number: int) -> int:
        headers = {"Api-Key": account.keys["Api-Key"], "Idempotency-Key": f"guest-{number}"}
        return (await account.client.post(CONNECT, json={"network": ""}, headers=headers)).status_code

    entries = [enter(account, number) for number in range(16) for account in (api, other_api)]
    assert set(await asyncio.gather(*entries)) == {200}


async def test_a_budget_is_exact_and_begins_anew(db: Db, api: Api, settings: Settings) -> None:
    budget = Budget("test", 7, timedelta(minutes=1))
    now, attempt = datetime.now(UTC), Attempt(budget, "somebody")
    handles = [await Db.connect(settings.database_url, size=8) for _ in range(2)]

    waits: list[int] = []

    async def one(number: int, moment: datetime) -> bool:
        try:
            await count(handles[number % 2], api.account_id, [attempt], moment)
        except TooManyAttempts as refusal:
            waits.append(refusal.retry_after or 0)
            return False
        return True

    assert sum(await asyncio.gather(*(one(number, now) for number in range(60)))) == 7
    later = now + timedelta(minutes=1)
    assert sum(await asyncio.gather(*(one(number, later) for number in range(60)))) == 7
    third = later + timedelta(minutes=1)
    (receipt,) = await count(db, api.account_id, [attempt], third)
    await give_back(db, api.account_id, [receipt, receipt])
    assert sum([await one(number, third) for number in range(9)]) == 7
    assert all(1 <= wait <= 61 for wait in waits)
    for handle in handles:
        await handle.close()


async def test_one_used_up_budget_leaves_the_others_as_they_were(db: Db, api: Api) -> None:
    now = datetime.now(UTC)
    wide, narrow = (Attempt(Budget(name, limit, timedelta(hours=1)), "x") for name, limit in (("wide", 5), ("no", 1)))
    await count(db, api.account_id, [wide, narrow], now)
    for _ in range(9):
        with pytest.raises(TooManyAttempts):
            await count(db, api.account_id, [wide, narrow], now)
    used = "select used from attempts where account_id = $1 and budget = 'wide'"
    assert await db.value(used, api.account_id) == 1


async def test_neither_addresses_nor_numbers_are_stored_with_the_counts(api: Api, db: Db) -> None:
    await try_connect(api, "email", email="plain@example.com", password="wrong password")
    rows = await db.rows("select t::text as row from attempts t where account_id = $1", api.account_id)
    assert rows
    assert not [row for row in rows if re.search("plain|example", row["row"])]
