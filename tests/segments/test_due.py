"""Which accounts have work to do is asked ten times a second, and must read little where there is none."""

from datetime import UTC, datetime

import pytest

from fanfare.kernel.data.db import Db
from fanfare.segments.queries import live
from fanfare.webhooks.actions import following
from tests.api import Api
from tests.segments.live import saved, settle

# More than their share of the log would be worth an index to the planner, if it had to guess.
CHANGES = 30_000
READ = "select coalesce(idx_tup_fetch, 0) + seq_tup_read from pg_stat_xact_user_tables where relname = 'changes'"


@pytest.mark.parametrize("kind", ["segments", "webhooks"])
async def test_an_account_without_new_changes_reads_no_log(api: Api, db: Db, kind: str) -> None:
    await saved(api, f"of {kind}", fan_gender="female")
    await api.ok(await api.post("/api/v1/manage/webhooks", url="https://example.org/hook", topics="fan.created"))
    await db.execute(
        """
        with hold as materialized (select hold_position($1) as held)
        insert into changes (account_id, position, topic, subject_id, occurred_at)
        select $1, nextval('positions'), 'fan.created', 'none', $2 from hold cross join generate_series(1, $3::integer)
        """,
        api.account_id,
        datetime.now(UTC),
        CHANGES,
    )
    await db.execute("analyze changes")
    now = datetime.now(UTC)
    await settle(db, api.account_id, now)
    for table in ("segment_progress", "webhook_progress"):
        await db.execute(
            f"update {table} set position = (select max(c.position) from changes c where c.account_id = $1)"
            " where account_id = $1",
            api.account_id,
        )
    async with db.transaction() as tx:
        # What earlier transactions of this connection read may not be reported yet.
        before = await tx.value(READ)
        due = await (live.accounts_due(tx, now) if kind == "segments" else following.accounts_due(tx))
        assert await tx.value(READ) - before < 100
    assert api.account_id not in due
    # They are no announcements.
    await db.execute("delete from changes where account_id = $1 and subject_id = 'none'", api.account_id)
