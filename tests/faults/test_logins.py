"""S5 to S7 with two real server processes: the memory of many logins, and budgets that are exact over all processes.

The short form logs in and guesses less often; FANFARE_FAULTS=full as often as the promises say.
"""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from fanfare.accounts.actions import create_account
from fanfare.fans.actions.passwords import MAX_HASHES, MEMORY_KIB
from fanfare.kernel.data.db import Db
from fanfare.sessions.actions import budgets
from fanfare.sessions.actions.budgets import Attempt
from tests.kernel.running.test_up import Up, running_up
from tests.running import PATIENCE
from tests.sessions.logins import CONNECT, PASSWORD

IS_FULL = os.environ.get("FANFARE_FAULTS") == "full"
LOGINS = 200 if IS_FULL else 16
GUESSES = 10_000 if IS_FULL else 260
SERVERS = 2
KIB = 1024
# What else a process needs for so many calls at once: connections, their buffers, threads.
OTHER_KIB = 12 * KIB


class Site(NamedTuple):
    """An account with clients, whose connections the two processes share."""

    db: Db
    account_id: int
    keys: dict[str, str]
    clients: list[httpx.AsyncClient]

    async def connect(self, number: int, **values: str) -> httpx.Response:
        """Take a step of logging in, as the account's server does for a fan with an address of their own."""
        address = values.pop("address", f"198.51.{number // 200 % 200}.{number % 200 + 1}")
        headers = {**self.keys, "X-Forwarded-For": address}
        return await self.clients[number % len(self.clients)].post(CONNECT, json=values, headers=headers)

    async def register(self, email: str) -> int:
        answer = await self.connect(0, network="register", email=email, password=PASSWORD)
        assert answer.status_code == 200, answer.text
        fan_id: int = answer.json()["fan_id"]
        return fan_id

    async def used(self, attempt: Attempt) -> int:
        statement = "select used from attempts where account_id = $1 and budget = $2 and subject_hash = $3"
        used: int = await self.db.value(statement, self.account_id, attempt.budget.name, attempt.subject_hash)
        return used


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory: Path = tmp_path_factory.mktemp("logins") / "data"
    sending = {"FANFARE_SMTP_URL": "smtp://127.0.0.1:9?tls=none", "FANFARE_MAIL_FROM": "club@example.com"}
    with running_up(directory, "--workers", str(SERVERS), **sending) as running:
        yield running


@pytest.fixture
async def sites(up: Up) -> AsyncIterator[list[Site]]:
    """Two accounts: one may use half of the turns to hash."""
    async with AsyncExitStack() as stack:
        db = await Db.connect(up.facts["database_url"], size=4)
        stack.push_async_callback(db.close)
        result = []
        for name in ("Northside", "Southside"):
            account = await create_account(db, name, datetime.now(UTC), country_code="CA")
            await db.execute("update api_keys set rate_limit = 1000000000 where account_id = $1", account.account_id)
            keys = {"Api-Key": str(account.api_key), "Api-Secret": account.api_secret}
            # Each has one connection, and the system gives connections to the processes in turn.
            limits = httpx.Limits(max_connections=1)
            clients = [httpx.AsyncClient(base_url=up.facts["url"], limits=limits, timeout=PATIENCE) for _ in range(12)]
            for client in clients:
                await stack.enter_async_context(client)
            result.append(Site(db, account.account_id, keys, clients))
        yield result


def memory_peak(pid: int) -> int:
    """Return the largest memory in KiB that a process has had since `forget_peak`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@pytest.mark.skipif(sys.platform != "linux", reason="the system reports the largest memory of a process")
async def test_logins_at_once_take_the_memory_of_few(up: Up, sites: list[Site]) -> None:
    for site in sites:
        await site.register("crowd@example.com")
    # Every process has hashed, and its connections are open, before it is measured.
    values = {"network": "email", "email": "crowd@example.com", "password": PASSWORD}
    for number in range(12):
        for site in sites:
            assert (await site.connect(number, **values)).status_code == 200
    servers = up.children("fanfare.cli.server")
    assert len(servers) == SERVERS
    for server in servers:
        forget_peak(server.pid)
    before = {server.pid: memory_peak(server.pid) for server in servers}

    logins = [sites[number % 2].connect(number // 2, **values) for number in range(LOGINS)]
    assert {answer.status_code for answer in await asyncio.gather(*logins)} <= {200, 503}
    grown = [memory_peak(pid) - kib for pid, kib in before.items()]
    # A hash takes its memory, else the bound below would hold of anything.
    assert max(grown) >= MEMORY_KIB
    assert max(grown) <= MAX_HASHES * MEMORY_KIB + OTHER_KIB


async def test_guesses_are_counted_exactly_by_all_processes(sites: list[Site]) -> None:
    """Of ten thousand guesses of one password a hundred are answered, whichever process they come to."""
    site = sites[0]
    fan_id = await site.register("target@example.com")
    parameters = extract_parameters(await site.db.value("select password_hash from fans where fan_id = $1", fan_id))
    assert (parameters.type, parameters.time_cost >= 2, parameters.memory_cost >= 19 * KIB) == (Type.ID, True, True)

    async def guess(number: int, password: str) -> str:
        answer = await site.connect(number, network="email", email="target@example.com", password=password)
        return "right" if answer.status_code == 200 else str(answer.json()["code"])

    codes = [
        code
        for start in range(0, GUESSES, 200)
        for code in await asyncio.gather(
            *(guess(number, f"wrong password {number}") for number in range(start, min(start + 200, GUESSES)))
        )
    ]
    limit = budgets.PASSWORDS.limit
    assert limit == 100
    assert (codes.count("wrong_login"), codes.count("too_many_attempts")) == (limit, GUESSES - limit)
    assert await site.used(Attempt(budgets.PASSWORDS, f"fan {fan_id}")) == limit
    assert {await guess(number, PASSWORD) for number in range(12)} == {"too_many_attempts"}


async def statuses_of(calls: Iterable[Coroutine[Any, Any, httpx.Response]]) -> Counter[int]:
    """Make calls at once, and count their statuses."""
    return Counter(answer.status_code for answer in await asyncio.gather(*calls))


async def test_messages_to_an_address_end_exactly(sites: list[Site]) -> None:
    """One in thirty seconds and ten in a day, asked at both processes at once."""
    site = sites[0]
    answered = []
    for _ in range(12):
        calls = (site.connect(number, network="verify_email", email="one@example.com") for number in range(6))
        statuses = await statuses_of(calls)
        assert set(statuses) <= {200, 429}
        answered.append(statuses[200])
        # Thirty seconds later.
        statement = "delete from attempts where account_id = $1 and budget = $2"
        await site.db.execute(statement, site.account_id, budgets.MESSAGE_PAUSE.name)
    assert answered == [1] * 10 + [0] * 2


async def test_messages_for_a_caller_and_of_an_account_end_exactly(sites: list[Site]) -> None:
    site, ask, limit = sites[0], {"network": "verify_email"}, budgets.CALLER_MESSAGES.limit
    calls = (
        site.connect(number, **ask, email=f"of{number}@example.com", address="192.0.2.9") for number in range(limit + 8)
    )
    assert await statuses_of(calls) == {200: limit, 429: 8}

    account = Attempt(budgets.ACCOUNT_MESSAGES, "")
    assert await site.used(account) == limit
    statement = "update attempts set used = $3 where account_id = $1 and budget = $2"
    await site.db.execute(statement, site.account_id, account.budget.name, account.budget.limit - 5)
    calls = (site.connect(number, **ask, email=f"last{number}@example.com") for number in range(30))
    assert await statuses_of(calls) == {200: 5, 429: 25}
    assert await site.used(account) == account.budget.limit
    messages = "select count(*) from messages where account_id = $1"
    assert await site.db.value(messages, site.account_id) == limit + 5


async def test_existence_checks_end_exactly(sites: list[Site]) -> None:
    """Whoever asks who is a fan gets a hundred answers in an hour, from all processes together."""
    site = sites[0]
    key, limit = {"Api-Key": site.keys["Api-Key"]}, budgets.CHECKS.limit

    async def check(number: int) -> int:
        client = site.clients[number % len(site.clients)]
        values = {"network": "email", "email": f"who{number}@example.com"}
        return (await client.post(CONNECT, json=values, headers=key)).status_code

    statuses = await asyncio.gather(*(check(number) for number in range(limit + 20)))
    assert (statuses.count(200), statuses.count(429)) == (limit, 20)
