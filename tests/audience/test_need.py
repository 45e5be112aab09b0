"""`fanfare up` starts an index process by itself once an account is so large that one pays."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from fanfare.accounts.actions import create_account, create_key
from fanfare.audience.need import ENOUGH_FANS, is_index_needed
from fanfare.kernel.callers import SCOPES
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.kernel.running.test_up import Up, gone, running_up, until
from tests.running import PATIENCE
from tests.search.crowd import SEARCH, many_fans

INDEX = "fanfare.cli.index"


async def test_an_account_with_enough_fans_needs_one(db: Db, api: Api, other_api: Api) -> None:
    for each in (api, other_api):
        await many_fans(db, each.account_id, 20)
    await db.execute("analyze fans")
    largest: int = await db.value("select max(n) from (select count(*) n from fans group by account_id) counted")
    assert await is_index_needed(db, largest)
    # All of them together have more, but no account alone.
    assert not await is_index_needed(db, largest + 1)


class Searcher:
    """Searches without a pause, and notes how many fans were found."""

    def __init__(self, up: Up, key: str, secret: str) -> None:
        self.request = urllib.request.Request(  # noqa: S310 - our own
            f"{up.facts['url']}{SEARCH}?fan_provinces=BC&limit=5",
            headers={"Api-Key": key, "Api-Secret": secret},
        )
        self.rows: list[int] = []
        self.is_over = False

    def search(self) -> dict[str, object]:
        with urllib.request.urlopen(self.request, timeout=PATIENCE) as answer:  # noqa: S310 - our own
            page: dict[str, object] = json.load(answer)
            return page

    def run(self) -> None:
        while not self.is_over:
            data = self.search()["data"]
            assert isinstance(data, list)
            self.rows.append(len(data))

    @contextmanager
    def searching(self) -> Iterator[None]:
        """Search in a thread meanwhile; each search must find its page."""
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield
        finally:
            self.is_over = True
            thread.join()
        assert set(self.rows) == {5}

    def counts_at_once(self) -> bool:
        """Whether the index determined a set: only then is its number there with the first page."""
        meta = self.search()["meta"]
        assert isinstance(meta, dict)
        assert meta["count"] in (None, ENOUGH_FANS)
        return meta["count"] is not None


async def fill(up: Up) -> tuple[str, str]:
    """Make an account with just enough fans; return a key and its secret."""
    db = await Db.connect(up.facts["database_url"], size=1)
    try:
        account = await create_account(db, "Club", datetime.now(UTC))
        key = await create_key(db, account.account_id, SCOPES, datetime.now(UTC), rate_limit=1_000_000)
        await many_fans(db, account.account_id, ENOUGH_FANS)
        await db.execute("analyze fans")
    finally:
        await db.close()
    return str(key.api_key), key.api_secret


async def test_it_starts_while_searches_run_and_comes_back_whatever_ends(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with running_up(data_dir) as up:
        keys = await fill(up)
        assert not up.children(INDEX)
        searcher = Searcher(up, *keys)
        with searcher.searching():
            # The next worker looks at once, not within a minute.
            up.child("fanfare.cli.worker").kill()
            first = up.child(INDEX)
            until("the index does not answer", PATIENCE, searcher.counts_at_once)
            first.kill()
            until("the killed index lives", PATIENCE, lambda: gone([first]))
            assert up.child(INDEX).pid != first.pid
            until("the next index does not answer", PATIENCE, searcher.counts_at_once)
            # A worker that says so again changes nothing.
            up.child("fanfare.cli.worker").kill()
            up.child("fanfare.cli.worker")
        assert len(up.children(INDEX)) == 1
    with running_up(data_dir) as up:
        up.child(INDEX)
        until("the index does not answer", PATIENCE, Searcher(up, *keys).counts_at_once)
    with running_up(data_dir, FANFARE_INDEXES="0") as up:
        up.status("/readyz")
        assert not up.children(INDEX)
