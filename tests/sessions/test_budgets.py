"""S5 to S7: what may be tried so often is counted exactly, with several server processes at once."""

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType

import httpx
import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from fanfare.fans.actions import passwords
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from fanfare.kernel.running.shares import Busy
from fanfare.sessions.actions import activities, budgets, connecting, profile
from fanfare.sessions.actions.budgets import Attempt, Budget, TooManyAttempts, count, give_back
from tests.api import Api
from tests.conftest import serving
from tests.running import PATIENCE
from tests.sessions.logins import CONNECT, PASSWORD, change, connect, registered, try_connect

GUESSES = 240


@pytest.fixture(scope="module")
def second_url(settings: Settings) -> Iterator[str]:
    with serving(settings) as url:
        yield url


@pytest.fixture
async def both(api: Api, second_url: str) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Clients of two servers on one database."""
    async with httpx.AsyncClient(base_url=second_url, timeout=PATIENCE) as second:
        yield [api.client, second]


async def test_passwords_are_argon2id(api: Api, db: Db) -> None:
    session = await registered(api, "hash@example.com")
    password_hash = await db.value("select password_hash from fans where fan_id = $1", session["fan_id"])
    parameters = extract_parameters(password_hash)
    assert (parameters.type, parameters.time_cost >= 2, parameters.memory_cost >= 19 * 1024) == (Type.ID, True, True)


async def test_many_logins_at_once_take_the_memory_of_few(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """S5: 200 logins, many at once; each hash takes 19 MiB, and no more than four are under way."""
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
    # Fewer at once than wait too long for a database connection.
    few = asyncio.Semaphore(24)

    async def login() -> int:
        async with few:
            return (await try_connect(api, "email", email="crowd@example.com", password=PASSWORD)).status_code

    assert await asyncio.gather(*(login() for _ in range(200))) == [200] * 200
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
    few = asyncio.Semaphore(12)
    async with httpx.AsyncClient(base_url=second_url, timeout=PATIENCE) as second:

        async def check(number: int) -> httpx.Response:
            values = {"network": ("email", "register")[number % 3 == 0], "email": f"fan{number % 2}@example.com"}
            if values["network"] == "register":
                values["email"] = "fan0@example.com"
            async with few:
                return await (other_api.client, second)[number % 2].post(CONNECT, json=values, headers=key)

        answers = await asyncio.gather(*(check(number) for number in range(130)))
    statuses = [each.status_code for each in answers]
    assert (statuses.count(200), statuses.count(429)) == (100, 30)
    new = await other_api.client.post(CONNECT, json={"network": "register", "email": "new@example.com"}, headers=key)
    assert new.status_code == 429
    # Others who are registering give theirs back in a moment.
    assert 0 < int(new.headers["Retry-After"]) <= budgets.RESERVED_SECONDS
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


@pytest.mark.parametrize("module", [connecting, profile])
async def test_what_never_came_to_a_check_is_given_back(
    api: Api, db: Db, monkeypatch: pytest.MonkeyPatch, module: ModuleType
) -> None:
    """The queue of the hasher was too long, so nobody learned who is a fan."""
    session = await connect(api)
    used = "select coalesce(sum(used), 0) from attempts where account_id = $1 and budget = 'checks'"
    before = await db.value(used, api.account_id)

    async def busy(*_: object) -> None:
        raise Busy

    monkeypatch.setattr(module, "prepare_change", busy)
    values = {"email": "queue@example.com", "password": PASSWORD}
    if module is connecting:
        answer = await try_connect(api, "register", **values)
    else:
        answer = await change(api, session["session_uid"], **values)
    assert answer.status_code == 503
    assert await db.value(used, api.account_id) == before


@pytest.mark.parametrize("name", ["ENTRIES", "DAILY_ENTRIES"])
async def test_who_reports_activities_with_the_public_key_tries_no_endless_list(
    other_api: Api, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The answer has the fan's id, by which it is seen who was a fan before."""
    monkeypatch.setattr(activities, name, Budget(f"few {name}", 3, timedelta(hours=1)))

    async def report(number: int) -> int:
        path, more = (("activity", {}), ("wifi", {"network": "email"}))[number % 2]
        return (
            await other_api.public_post(f"/api/v1/sessions/{path}", email=f"tried{number}@example.com", **more)
        ).status_code

    assert sorted(await asyncio.gather(*(report(number) for number in range(8)))) == [200] * 3 + [429] * 5
    server = await other_api.post("/api/v1/sessions/activity", email="tried@example.com")
    assert server.status_code == 200


async def test_second_entries_tell_of_few_addresses_who_has_entered(
    other_api: Api, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities, "REPEATED_ENTRIES", Budget("few repeated", 3, timedelta(hours=1)))
    entry = {"campaign_name": "Half-time draw", "is_unique_activity": True}

    async def enter(number: int) -> int:
        answer = await other_api.public_post("/api/v1/sessions/activity", email=f"once{number}@example.com", **entry)
        return answer.status_code

    # First entries take nothing.
    assert [await enter(number) for number in range(6)] == [200] * 6
    assert sorted(await asyncio.gather(*(enter(number) for number in range(6)))) == [409] * 3 + [429] * 3
    assert await enter(99) == 429
    used = "select used from attempts where account_id = $1 and budget = 'few repeated'"
    assert await db.value(used, other_api.account_id) == 3
    server = await other_api.post("/api/v1/sessions/activity", email="once0@example.com", **entry)
    assert server.status_code == 409


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
