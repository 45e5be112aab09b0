"""How long an account keeps things: fewer days than the operator, never more; what goes is said before."""

from datetime import UTC, datetime, timedelta

import pytest

from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import BadSettings, Settings
from fanfare.messages.jobs import forget_messages
from tests.api import Api

RETENTION = "/api/v1/manage/retention"


async def messages(db: Db, account_id: int, *ages: int, state: str = "sent") -> None:
    for age in ages:
        await db.execute(
            "insert into messages (account_id, message_id, request_key, channel, template_name, message_language,"
            " message_state, created_at, due_at) values ($1, $2, $3, 'email', 'login_code', 'en', $5, $4, $4)",
            account_id, age, str(age), datetime.now(UTC) - timedelta(days=age), state,
        )  # fmt: skip


async def test_fewer_days_delete_what_was_said_before(api: Api, db: Db) -> None:
    await messages(db, api.account_id, 1, 40, 80)
    preview = await api.ok(await api.get(f"{RETENTION}/preview", retention_kind="messages", retention_days=30))
    assert (preview["row_count"], preview["is_more"]) == (2, False)
    await api.ok(await api.post(RETENTION, retention_kind="messages", retention_days=30))
    await forget_messages(db, api.account_id, datetime.now(UTC))
    assert await db.value("select array_agg(message_id) from messages") == [1]
    periods = {each["retention_kind"]: each for each in await api.ok(await api.get(RETENTION))}
    assert (periods["messages"]["days"], periods["messages"]["server_days"], periods["messages"]["account_days"]) == (
        30, 90, 30,
    )  # fmt: skip
    entry = (await api.ok(await api.get("/api/v1/manage/audit_entries")))["data"][0]
    assert entry["row_after"] == {"retention_kind": {"retention_days": 30}}
    await api.ok(await api.post(RETENTION, retention_kind="messages"))
    periods = {each["retention_kind"]: each for each in await api.ok(await api.get(RETENTION))}
    assert (periods["messages"]["days"], periods["messages"]["account_days"]) == (90, None)


async def test_messages_outlive_their_reports_and_their_tries(api: Api, db: Db) -> None:
    few = await api.post(RETENTION, retention_kind="messages", retention_days=13)
    assert (few.status_code, "must be 14 or more" in few.text) == (422, True)
    with pytest.raises(BadSettings, match="FANFARE_MESSAGES_DAYS must be 14 or more"):
        Settings().replace(messages_days=13)
    await db.execute("delete from messages where account_id = $1", api.account_id)
    for age, state in enumerate(("queued", "sending", "sent", "failed", "stored", "unconfirmed"), start=15):
        await messages(db, api.account_id, age, state=state)
    preview = await api.ok(await api.get(f"{RETENTION}/preview", retention_kind="messages", retention_days=14))
    assert preview["row_count"] == 4
    await api.ok(await api.post(RETENTION, retention_kind="messages", retention_days=14))
    await forget_messages(db, api.account_id, datetime.now(UTC))
    sql = "select array_agg(message_state order by message_id) from messages where account_id = $1"
    assert await db.value(sql, api.account_id) == ["queued", "sending"]
    await api.ok(await api.post(RETENTION, retention_kind="messages"))


async def test_nothing_is_kept_longer_than_the_operator_allows(api: Api) -> None:
    wrong = await api.post(RETENTION, retention_kind="messages", retention_days=91)
    assert (wrong.status_code, "must be 90 or fewer" in wrong.text) == (422, True)
    assert (await api.post(RETENTION, retention_kind="clicks", retention_days=5)).status_code == 422
    assert (await api.post(RETENTION, retention_kind="fans", retention_days=5)).status_code == 422


async def test_files_of_exports_last_as_long_as_the_list_says(api: Api, db: Db) -> None:
    periods = {each["retention_kind"]: each for each in await api.ok(await api.get(RETENTION))}
    default = "select column_default::int from information_schema.columns where (table_name, column_name) = ($1, $2)"
    assert periods["export_files"]["days"] == await db.value(default, "exports", "retention_days")
