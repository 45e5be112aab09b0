"""An account moves from one server to another, with kill -9 in between, and is the same there table by table."""

import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from fanfare.accounts.actions import create_account
from fanfare.demo import create_demo
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings
from tests import answers
from tests.api import Api
from tests.conftest import serving
from tests.moving.tables import Account
from tests.running import PATIENCE, Program
from tests.waits import until

NewDatabase = Callable[[], Awaitable[str]]
FANS = 150
SHOPS = ("shopify", "atvenu")
FAN_CALL = "/api/v1/crm/fans"


class Sides(NamedTuple):
    """The account there and here, the database here, and how to run the command."""

    there: Account
    here: Account
    db: Db
    command: Callable[..., Program]

    async def run(self, *options: str) -> dict[str, Any]:
        """Move to the end, and return the report."""
        with self.command("--json", *options) as program:
            status = program.wait()
        assert status == 0, program.errors
        # No terminal, no progress.
        assert program.errors == ""
        report: dict[str, Any] = msgspec.json.decode(program.output)
        return report

    async def number(self, sql: str) -> int:
        result: int = await self.db.value(sql)
        return result


@pytest.fixture(scope="module")
async def sides(base_url: str, db: Db, new_database: NewDatabase, settings: Settings) -> AsyncIterator[Sides]:
    demo = await create_demo(db, FANS, datetime.now(UTC) - timedelta(hours=1))
    url = await new_database()
    target = await Db.connect(url, size=4)
    time_zone = await db.value("select time_zone from accounts where account_id = $1", demo.account_id)
    key = await create_account(target, "Moved", datetime.now(UTC), time_zone=time_zone, country_code="CA")
    networks = {
        row["network"] for row in await db.rows("select network from purchases union select network from scans")
    }
    groups = {row["scan_group_name"] for row in await db.rows("select distinct scan_group_name from scans")}
    options = [part for each in sorted(networks) for part in ("--include", f"network={each}")]
    options += [part for each in sorted(groups) for part in ("--include", f"scan_group={each}")]

    def command(*more: str) -> Program:
        words = [sys.executable, "-m", "fanfare.cli", "import", "tradablebits", "--url", base_url, *options, *more]
        variables = {"DATABASE_URL": url, "API_KEY": str(demo.api_key), "API_SECRET": demo.api_secret}
        return Program(words, **variables)

    with serving(settings.replace(database_url=url)) as here_url:
        async with (
            answers.Client(base_url=base_url, timeout=PATIENCE) as there_client,
            answers.Client(base_url=here_url, timeout=PATIENCE) as here_client,
        ):
            there = Api(there_client, demo.account_id, uuid.UUID(str(demo.api_key)), demo.api_secret)
            here = Api(here_client, key.account_id, key.api_key, key.api_secret)
            yield Sides(Account(there, networks, groups), Account(here, networks, groups), target, command)
    await target.close()


def words_of(program: Program) -> bytes:
    """Return what every user of the machine can read of a process."""
    return Path(f"/proc/{program.pid}/cmdline").read_bytes()


def rows_in(table: str) -> str:
    return f"select count(*) from moved_rows where table_name = '{table}'"


async def assert_equal(sides: Sides) -> None:
    there, here = await sides.there.tables(), await sides.here.tables()
    for table, rows in there.items():
        assert (table, sorted((rows - here[table]).elements())[:3]) == (table, [])
        more = (here[table] - rows).elements()
        # Whoever buys with an address and a customer_key gets the key here; the demo there writes sales without that.
        assert (
            table,
            [
                each
                for each in more
                if not any(f'"network": "{name}"' in each for name in SHOPS) or table == "purchases"
            ],
        ) == (
            table,
            [],
        )
        assert rows, table


async def test_a_killed_move_continues_and_everything_is_the_same(sides: Sides) -> None:
    for sql in ("select count(*) from moved_fans", rows_in("identifiers"), rows_in("activities"), rows_in("points")):
        with sides.command() as program:
            await until(partial(sides.number, sql))
            command_line = words_of(program)
            program.kill()
        assert sides.there.api.keys["Api-Secret"].encode() not in command_line
    report = await sides.run()
    await assert_equal(sides)
    counts_there = {
        each["table"]: (each["there"], each["rows_read"]) for each in report["tables"] if each["there"] is not None
    }
    assert counts_there.keys() >= {"fans", "businesses", "campaigns", "ticket_events"}
    assert all(there == count for there, count in counts_there.values()), counts_there
    counts = {each["table"]: (each["rows_read"], each["here"]) for each in report["tables"]}
    assert all(there == here > 0 for there, here in counts.values()), counts
    assert counts["fans"] == (FANS, FANS)
    reasons = {each["table"]: each["reasons"] for each in report["tables"] if each["different"]}
    # What no call gives is said.
    assert set(reasons) <= {"points", "campaigns", "scans"}, reasons
    assert not [each for rows in reasons.values() for each in rows if each["reason"] == "is not here any more"]
    assert {each["table"]: each["unknown_fields"] for each in report["tables"] if each["unknown_fields"]} == {}


async def test_totals_and_the_change_log_are_right(sides: Sides) -> None:
    differing = await sides.number(
        """
        select count(*) from fan_activity f
        where (f.first_active_at, f.last_active_at, f.activity_count) is distinct from (
            select (min(a.created_at), max(a.created_at), count(*)) from activities a
            where a.account_id = f.account_id and a.fan_id = f.fan_id)
        """
    )
    old = await sides.number("select count(*) from changes where occurred_at < now() - interval '1 day'")
    assert (differing, old) == (0, 0)


async def test_another_run_adds_what_is_new_and_nothing_twice(sides: Sides) -> None:
    await sides.run()
    sizes = await sides.db.rows("select table_name, count(*) from moved_rows group by 1 order by 1")
    ledger = await sides.number("select count(*) from consents")
    await sides.run()
    assert await sides.db.rows("select table_name, count(*) from moved_rows group by 1 order by 1") == sizes
    assert await sides.number("select count(*) from consents") == ledger
    there = sides.there.api
    fan_id = (await there.ok(await there.post(FAN_CALL, email="late@example.com", first_name="Late")))["fan_id"]
    await there.ok(await there.post(f"{FAN_CALL}/{fan_id}/activities", campaign_title="Late campaign"))
    report = await sides.run()
    # The campaign is new as well.
    await assert_equal(sides)
    assert next(each for each in report["tables"] if each["table"] == "fans")["here"] == FANS + 1


async def test_no_yes_there_overrides_a_no_here(sides: Sides) -> None:
    there, here = sides.there.api, sides.here.api
    ids = {
        name: (await there.ok(await there.post(FAN_CALL, email=f"{name}@example.com", is_subscribed=True)))["fan_id"]
        for name in ("refuses", "leaves", "erased")
    }
    await sides.run()
    fan_ids = {row["email"]: row["fan_id"] for row in (await sides.here.get("crm/fans/latest"))["data"]}
    await here.ok(await here.post(f"{FAN_CALL}/{fan_ids['refuses@example.com']}", is_subscribed=False))
    await here.ok(await here.post(f"/api/v1/manage/fans/{fan_ids['erased@example.com']}/erase"))
    await there.ok(await there.post(f"{FAN_CALL}/{ids['leaves']}", is_subscribed=False))
    for name in ("refuses", "erased"):
        await there.ok(await there.post(f"{FAN_CALL}/{ids[name]}", last_name="Changed"))
    report = await sides.run()
    fans = {row["email"]: row for row in (await sides.here.get("crm/fans/latest"))["data"]}
    assert [fans[f"{name}@example.com"]["is_subscribed"] for name in ("refuses", "leaves")] == [False, False]
    assert "erased@example.com" not in fans
    table = next(each for each in report["tables"] if each["table"] == "fans")
    reasons = {each["reason"] for each in table["reasons"]}
    assert {"was erased here", "is_subscribed is different here: a no here counts"} <= reasons


async def test_a_report_for_readers(sides: Sides) -> None:
    with sides.command() as program:
        assert program.wait() == 0
    rest = program.output.partition("Not moved:")[2]
    assert "schedules of fans, and IP addresses that are banned or allowed" in rest
    assert sides.there.api.keys["Api-Secret"] not in program.output + program.errors


async def test_two_commands_do_not_share_a_move(sides: Sides) -> None:
    programs = [sides.command(), sides.command()]
    statuses = sorted(program.wait() for program in programs)
    await assert_equal_but_consents(sides)
    assert statuses[0] == 0


async def assert_equal_but_consents(sides: Sides) -> None:
    there, here = await sides.there.tables(), await sides.here.tables()
    for table in there.keys() - {"fans", "businesses of fans", "identifiers of fans", "points of fans"}:
        assert (table, there[table] - here[table], here[table] - there[table]) == (table, {}, {})
