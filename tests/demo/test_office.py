"""What the demo's people set up and did: no page of the Manage Centre is empty."""

from datetime import UTC, datetime

import pytest

from fanfare.demo import create_demo
from fanfare.kernel.data.db import Db
from fanfare.staff.queries.audit import verification

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
async def account_id(db: Db) -> int:
    return (await create_demo(db, 60, NOW, has_office=True)).account_id


# How many rows of a table there are at least.
ROWS = {
    "messages where account_id = $1 and message_state = 'sent'": 40,
    "messages where account_id = $1 and bounced_at is not null": 2,
    "message_templates where account_id = $1": 2,
    "message_senders where account_id = $1": 2,
    "suppressions where account_id = $1": 3,
    "imports where account_id = $1 and import_state = 'completed' and error_count = 2": 1,
    "imports where account_id = $1 and import_state = 'undone'": 1,
    "imports where account_id = $1 and import_state = 'ready'": 1,
    "exports where account_id = $1 and export_state = 'completed'": 2,
    "export_schedules where account_id = $1 and is_active": 1,
    "fan_jobs where account_id = $1 and job_state = 'completed'": 1,
    "audit_entries where account_id = $1": 8,
    "erasure_requests where account_id = $1": 1,
    "fan_merges where account_id = $1": 1,
    "staff_memberships where account_id = $1 and role = 'custom' and business_ids is not null": 1,
    "staff_invitations where account_id = $1": 1,
    "report_links where account_id = $1": 1,
    "redirect_urls where account_id = $1": 1,
    "openid_clients where account_id = $1": 1,
    "identity_providers where account_id = $1": 1,
    "tracker_domains where account_id = $1": 1,
    "stream_sources where account_id = $1": 1,
}


@pytest.mark.parametrize("rows", ROWS)
async def test_there_is_something_of_each(db: Db, account_id: int, rows: str) -> None:
    assert await db.value(f"select count(*) from {rows}", account_id) >= ROWS[rows]


async def test_the_undone_import_left_no_fan(db: Db, account_id: int) -> None:
    sql = "select count(*) from fans where account_id = $1 and email like $2"
    assert await db.value(sql, account_id, "%.guest@example.com") == 0
    assert await db.value(sql, account_id, "%.renewal@example.com") == 12


async def test_the_audit_log_holds(db: Db, account_id: int) -> None:
    assert (await verification(db, account_id)).is_valid
