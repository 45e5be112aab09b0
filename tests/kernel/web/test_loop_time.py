"""No call blocks the event loop for more than 20 ms of CPU time, whatever it contains and whatever is stored."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from fanfare import app
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.http import Service, application
from fanfare.places import countries, provinces
from fanfare.search.queries.stored import MAX_BYTES
from tests.api import Api
from tests.rules.project import ROOT
from tests.tickets.sold import line
from tests.yardstick import LOOP_MILLISECONDS, loop_ratio, yardstick_seconds

MANY = 1000
WIDE = "\ufdfa"


class Longest:
    """The longest CPU time between two turns of the loop."""

    seconds = 0.0


@contextmanager
def measured(monkeypatch: pytest.MonkeyPatch) -> Any:
    longest, run = Longest(), asyncio.events.Handle._run  # noqa: SLF001 - what the loop calls

    def timed(handle: asyncio.events.Handle) -> None:
        started = time.thread_time()
        run(handle)
        longest.seconds = max(longest.seconds, time.thread_time() - started)

    with monkeypatch.context() as patch:
        patch.setattr(asyncio.events.Handle, "_run", timed)
        yield longest


@pytest.fixture(scope="module")
async def near(db: Db, api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application in the test's own loop."""
    await db.execute("update api_keys set rate_limit = 1000000 where account_id = $1", api.account_id)
    served: Any = application(Service(db, system_clock), app.endpoints())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://near/api/v1") as client:
        client.headers.update(api.keys)
        yield client


async def options(client: httpx.AsyncClient, _: Db, number: int) -> httpx.Response:
    """Set a field of many options to many of them."""
    choices = [f"{number}{each}{WIDE * 8}" for each in range(MANY)]
    field = {"crm_field_key": f"choices{number}", "field_type": "choices", "field_options": choices}
    await client.post("/manage/fields", json=field)
    return await client.post("/crm/fans", json={"email": "a@example.com", f"field_choices{number}": choices[:150]})


async def words(client: httpx.AsyncClient, db: Db, number: int) -> httpx.Response:
    """Look for a display name where the account refuses many words, which have changed since the last time."""
    await db.execute(
        "insert into display_name_words (account_id, word, is_allowed, created_at)"
        " select account_id, 'word' || md5(i || $1::text), i % 2 = 0, now()"
        " from generate_series(1, $2) i, accounts where $3 = 0 or i = 1 on conflict do nothing",
        str(number), MANY, number,
    )  # fmt: skip
    return await client.get("/crm/display_name", params={"display_name": "wo.rd" * 12})


async def wide_name(client: httpx.AsyncClient, _: Db, __: int) -> httpx.Response:
    """Look for a display name of letters that stand for many."""
    return await client.get("/crm/display_name", params={"display_name": WIDE * 64})


async def addresses(client: httpx.AsyncClient, _: Db, __: int) -> httpx.Response:
    """Send tickets of people in many countries to a server that has looked at none of them."""
    provinces._provinces.cache_clear()  # noqa: SLF001 - as after a start
    codes = sorted(countries.country_codes())[:50]
    tickets = [line(code, country_code=code, province="x", email=f"{code}@bücher.example.com") for code in codes]
    return await client.post("/crm/tickets/bulk", json={"tickets": tickets})


async def long_filters(client: httpx.AsyncClient, _: Db, number: int) -> httpx.Response:
    """Search by filters of many long names, each as long as it may be."""
    filters = []
    for place in range(3):
        names = [f"{number}{place}{each}{WIDE * 250}" for each in range(MAX_BYTES // 800)]
        saved = await client.post("/manage/filters", json={"filter_name": f"{number}{place}", "fan_provinces": names})
        filters.append(f"filter:{saved.json()['filter_uid']}")
    return await client.get("/crm/fans", params={"fan_incl_segments": ",".join(filters)})


async def colliding_uids(client: httpx.AsyncClient, _: Db, number: int) -> httpx.Response:
    """Link fans to idols by uids that all have the same hash, and search by as many snapshots."""
    uids = [str(uuid.UUID(int=(number * MANY + each + 1) * (2**61 - 1))) for each in range(MANY)]
    assert {hash(uuid.UUID(uid)) for uid in uids} == {0}
    values = {"filter_name": f"{number}", "fan_incl_snapshot_uids": uids}
    assert (await client.post("/manage/filters", json=values)).status_code == 422
    lines = [{"email": f"{each}@example.com", "idol_uid": uid} for each, uid in enumerate(uids)]
    return await client.post("/crm/idol_fans", json={"idol_fans": lines})


CALLS: list[Callable[[httpx.AsyncClient, Db, int], Awaitable[httpx.Response]]] = [
    options, words, wide_name, addresses, long_filters, colliding_uids,
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
async def test_no_call_blocks_the_loop(
    near: httpx.AsyncClient, db: Db, monkeypatch: pytest.MonkeyPatch, call: Callable[..., Awaitable[httpx.Response]]
) -> None:
    """Three times, of which the best counts: garbage collections block the loop too."""
    ratios = []
    for number in range(3):
        first = yardstick_seconds()
        with measured(monkeypatch) as longest:
            answer = await call(near, db, number)
        assert answer.status_code in (200, 422), answer.text
        ratios.append(loop_ratio(longest.seconds, max(first, yardstick_seconds())))
    assert min(ratios) < 1


def test_the_documents_give_the_same_figure() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    assert f"no input blocks the\nloop for more than {LOOP_MILLISECONDS} ms" in text


async def test_an_account_has_at_most_1000_words_of_its_own(other_api: Api, db: Db) -> None:
    """Each of them is compared with each display name. Words saved at the same moment are counted too."""
    await db.execute(
        "insert into display_name_words (account_id, word, is_allowed, created_at)"
        " select $1, 'word' || i, true, now() from generate_series(1, $2) i",
        other_api.account_id, MANY - 2,
    )  # fmt: skip
    path = "/api/v1/manage/display_name_words"
    results = await asyncio.gather(*(other_api.post(path, word=f"new{each}", is_allowed=True) for each in range(8)))
    assert sorted(answer.status_code for answer in results) == [200] * 2 + [409] * 6
    assert (await other_api.post(path, word="word1", is_allowed=False)).status_code == 200
    await other_api.ok(await other_api.delete(path, word="word1"))
    assert (await other_api.post(path, word="another", is_allowed=True)).status_code == 200
