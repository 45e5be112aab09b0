"""The dlt source into DuckDB, with writes between its runs: the tables there are those of the account, each time.

`make pulls` runs this: dlt and DuckDB are in an environment of their own.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from fanfare.kernel.data.changes import trim_changes
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.imports.files import PATH, imported, work_all
from tests.running import PATIENCE

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("FANFARE_PULLS", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="`make pulls` has dlt")
FANS = "/api/v1/crm/fans"
# The list of the API, its key, and which rows.
TABLES = {
    "fans": "fan_id",
    "activities": "activity_id",
    "tickets": "ticket_id",
    "points": "fan_point_uid",
    "campaigns": "page_tab_id",
    "ticket_events": "event_uid",
}
JSON = ("tags", "field_values", "opted_in_business_ids", "details", "props")


class Copy:
    """The copy of an account in a file of DuckDB."""

    def __init__(self, api: Api, base_url: str, folder: Path) -> None:
        self.api, self._base_url, self._folder = api, base_url, folder

    async def pull(self, *only: str) -> dict[str, dict[Any, dict[str, Any]]]:
        """Run the source, or only some of its tables, and return the tables of the copy by their keys."""
        variables = {
            "API_SECRET": self.api.keys["Api-Secret"],
            "PYTHONPATH": str(ROOT / "src"),
            "HOME": str(self._folder),
            "ONLY": ",".join(only),
        }
        program = await asyncio.create_subprocess_exec(
            PYTHON, str(ROOT / "tests/pulls/pull.py"), str(self._folder), self._base_url, *(only or TABLES),
            env={**os.environ, **variables, "RUNTIME__DLTHUB_TELEMETRY": "false"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE):
            output, errors = await program.communicate()
        assert program.returncode == 0, errors.decode()[-4000:]
        result = json.loads(output.decode().splitlines()[-1])
        assert result["server"] == []
        return {table: {str(row[TABLES[table]]): row for row in rows} for table, rows in result["tables"].items()}

    async def account(self) -> dict[str, dict[Any, dict[str, Any]]]:
        """Return the tables of the account by their keys."""
        api = self.api

        async def data(path: str, **params: Any) -> Any:
            answer = await api.ok(await api.get(path, **params))
            return answer["data"] if isinstance(answer, dict) else answer

        rows = {
            "fans": await data(f"{FANS}/latest"),
            "activities": await data("/api/v1/crm/activities", min_activity_id=0),
            "tickets": await data("/api/v1/crm/tickets", min_ticket_id=0, include_deleted="true"),
            "points": await data("/api/v1/crm/fan_points", start_date="2000-01-01", end_date="2199-01-01"),
            "campaigns": await data("/api/v1/crm/campaigns"),
            "ticket_events": await data("/api/v1/crm/tickets/events"),
        }
        return {table: {str(row[TABLES[table]]): row for row in each} for table, each in rows.items()}

    async def assert_equal(self) -> None:
        """Pull, and compare each column of each row with the account."""
        copy, account = await self.pull(), await self.account()
        for table, rows in account.items():
            assert copy[table].keys() == rows.keys(), table
            for key, row in copy[table].items():
                assert plain(row) == plain({name: rows[key].get(name) for name in row}), table


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a row as texts that both sides write alike; what is not there is not compared."""
    values = {name: value for name, value in row.items() if value is not None and name != "is_erased"}
    return {name: alike(name, value) for name, value in values.items()}


def alike(name: str, value: Any) -> str:
    if name in JSON:
        parsed = json.loads(value) if isinstance(value, str) else value
        return json.dumps(sorted(parsed) if isinstance(parsed, list) else parsed, sort_keys=True)
    if name.endswith("timestamp"):
        return str(value).replace("T", " ").replace("Z", "+00:00")[:19]
    return str(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


@pytest.fixture
async def copy(api: Api, base_url: str, tmp_path: Path) -> Copy:
    return Copy(api, base_url, tmp_path)


async def fan(api: Api, email: str, **fields: Any) -> int:
    fan_id: int = (await api.ok(await api.post(FANS, email=email, **fields)))["fan_id"]
    return fan_id


async def filled(api: Api, name: str, point_uid: str) -> int:
    """Make a fan with an activity, a ticket and points; return the id."""
    fan_id = await fan(api, f"{name}@example.com", first_name=name, is_subscribed=True, field_shirt="L")
    await api.ok(await api.post(f"{FANS}/{fan_id}/activities", campaign_title="Quiz", field_team=name))
    ticket = {
        "first_name": name, "last_name": "Okoro", "email": f"{name}@example.com", "event_name": "Opener",
        "purchase_timestamp": "2026-05-01 10:00:00", "paid_amount": "20.50", "num_seats": 2, "ticket_key": f"T-{name}",
        "event_date": "2026-06-01",
    }  # fmt: skip
    await api.ok(await api.post("/api/v1/crm/tickets", **ticket))
    await api.ok(await api.post("/api/v1/crm/fan_points", point_uid=point_uid, fan_id=fan_id, point_count=5))
    return fan_id


async def test_the_copy_follows_the_account(copy: Copy, api: Api) -> None:
    await api.ok(await api.post("/api/v1/manage/fields", crm_field_key="shirt", field_type="text"))
    point_uid = (await api.ok(await api.post("/api/v1/manage/points", point_name="Loyalty")))["point_uid"]
    ids = {name: await filled(api, name, point_uid) for name in ("ada", "bea", "cem", "dan", "eve")}
    await copy.assert_equal()
    # What is new, what changed, and what is gone.
    ids["fay"] = await filled(api, "fay", point_uid)
    await api.ok(await api.post(f"{FANS}/{ids['ada']}", first_name="Ada", is_subscribed=False))
    await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name="vip", fan_ids=[ids["ada"], ids["bea"]]))
    await api.ok(await api.post(f"/api/v1/manage/fans/{ids['cem']}/erase"))
    await api.ok(await api.post(f"/api/v1/manage/fans/{ids['eve']}/merge", merged_fan_id=ids["dan"]))
    (ticket, *_) = (await api.ok(await api.get("/api/v1/crm/tickets", min_ticket_id=0)))["data"]
    await api.ok(await api.delete(f"/api/v1/manage/tickets/{ticket['ticket_id']}"))
    await copy.assert_equal()
    # Erased, and moved to the fan who stays.
    tables = await copy.pull()
    assert str(ids["cem"]) not in tables["fans"]
    assert str(ids["dan"]) not in tables["fans"]
    assert sorted(row["fan_id"] for row in tables["activities"].values()).count(ids["eve"]) == 2
    await api.ok(await api.post(f"/api/v1/manage/fans/{ids['eve']}/unmerge", merged_fan_id=ids["dan"]))
    await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name="vip", fan_ids=[ids["ada"]], action="delete"))
    await copy.assert_equal()
    # Nothing happened.
    await copy.assert_equal()


async def test_rows_of_an_import_go_with_its_undo(copy: Copy, api: Api, db: Db) -> None:
    point_uid = (await api.ok(await api.post("/api/v1/manage/points", point_name="Undone")))["point_uid"]
    await filled(api, "kim", point_uid)
    before = await copy.pull()
    uids = [
        (await imported(api, db, content, kind))["import_uid"]
        for kind, content in (
            ("activities", b"email,campaign,creation_timestamp\nkim@example.com,Quiz,2024-01-01T10:00:00Z\n"),
            ("points", b"email,point_name,point_count,award_key\nkim@example.com,Undone,5,k1\n"),
        )
    ]
    await copy.assert_equal()
    tables = await copy.pull()
    assert [len(tables[name].keys() - before[name].keys()) for name in ("activities", "points")] == [1, 1]
    for uid in uids:
        await api.ok(await api.post(f"{PATH}/{uid}/undo"))
        await work_all(api, db)
    await copy.assert_equal()
    tables = await copy.pull()
    assert [tables[name].keys() for name in ("activities", "points")] == [
        before[name].keys() for name in ("activities", "points")
    ]


async def test_a_run_of_some_tables_takes_nothing_from_the_others(copy: Copy, api: Api) -> None:
    point_uid = (await api.ok(await api.post("/api/v1/manage/points", point_name="Second")))["point_uid"]
    await filled(api, "lea", point_uid)
    await copy.pull("points")
    await copy.assert_equal()
    lea = next(row["fan_id"] for row in (await copy.account())["fans"].values() if row["email"] == "lea@example.com")
    await api.ok(await api.post(f"{FANS}/{lea}", first_name="Lea"))
    await filled(api, "max", point_uid)
    await copy.pull("points")
    await copy.assert_equal()


async def test_changes_that_are_gone_are_made_up_for(copy: Copy, api: Api, db: Db) -> None:
    fan_id = await fan(api, "early@example.com")
    await copy.assert_equal()
    await api.ok(await api.post(f"/api/v1/manage/fans/{fan_id}/erase"))
    await fan(api, "late@example.com")
    newest = await db.value("select max(occurred_at) + interval '1 second' from changes")
    await trim_changes(db, api.account_id, newest)
    await fan(api, "latest@example.com")
    await copy.assert_equal()


def test_this_environment_has_no_dlt() -> None:
    assert "dlt" not in sys.modules
