"""`fanfare verify` finds each kept total that its rows contradict; the tests of each module end with it too."""

import asyncio

import pytest
from typer.testing import CliRunner, Result

from fanfare import app
from fanfare.cli import commands
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.totals import differences
from tests.api import Api
from tests.calls import made_values

TOTALS = app.totals()
# What makes each total wrong in an account.
FAULTS = {
    "activities of fans": "update fan_activity set activity_count = activity_count + 1 where account_id = $1",
    "points of fans on boards": "update standings set gain = gain + 1 where account_id = $1",
    "fans in ranges of points": "update standing_buckets set fan_count = fan_count + 1 where account_id = $1",
    "claims of rewards": "update rewards set claim_count = claim_count + 1 where account_id = $1",
    "members of filters": "update filter_states set member_count = member_count + 1 where account_id = $1",
    "days of filters": """
        insert into segment_days (account_id, filter_id, counted_on, entered_count)
        select account_id, filter_id, '2026-01-01', 1 from filters where account_id = $1 limit 1
    """,
    "records of streams by day and label": "update stream_days set reach = reach + 1 where account_id = $1",
    "records of authors": "update stream_authors set stored_count = stored_count + 1 where account_id = $1",
    "authors of streams": """
        insert into stream_author_counts as c (account_id, stream_id, author_count)
        select account_id, stream_id, 1 from streams where account_id = $1
        on conflict (account_id, stream_id) do update set author_count = c.author_count + 1
    """,
    "approved records in slices": """
        update stream_slices set slice_position = slice_position + 1000000000 where account_id = $1
    """,
    "clicks of trackers by verdict": """
        insert into tracker_click_days (account_id, tracker_id, figure_date, human_count)
        select account_id, tracker_id, '2026-01-01', 1 from trackers where account_id = $1
    """,
    "sales of trackers by day and currency": """
        insert into tracker_sale_days (account_id, tracker_id, figure_date, currency, purchase_count, purchase_amount)
        select account_id, tracker_id, '2026-01-01', 'CAD', 1, 2 from trackers where account_id = $1
    """,
}


@pytest.fixture(scope="module")
async def account_id(api: Api) -> int:
    """An account that has one of everything."""
    await made_values(api)
    return api.account_id


async def command(*words: str) -> Result:
    # It has an event loop of its own.
    return await asyncio.to_thread(lambda: CliRunner().invoke(commands.app, list(words)))


def test_each_total_has_a_fault() -> None:
    assert set(FAULTS) == {total.name for total in TOTALS}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_wrong_total_is_found(db: Db, account_id: int, name: str) -> None:
    async with db.connection() as connection:
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        await connection.execute(FAULTS[name], account_id)
        rows = [row async for row in differences(Db(connection=connection), account_id, TOTALS)]
        await transaction.rollback()
    assert {row.total for row in rows} == {name}
    assert all(row.figure != row.count for row in rows)
    assert [row async for row in differences(db, account_id, TOTALS)] == []


async def test_the_command_says_what_differs(
    db: Db, account_id: int, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    fault = FAULTS["claims of rewards"]
    assert "all totals agree with their rows" in (await command("verify")).output
    await db.execute(fault, account_id)
    try:
        result = await command("verify", "--account", str(account_id))
        assert f"account {account_id}  claims of rewards  " in result.output
        assert (result.exit_code, str(result.exception)) == (1, "totals that differ from their rows: 1")
    finally:
        await db.execute(fault.replace("+ 1", "- 1"), account_id)
