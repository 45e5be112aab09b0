"""Reads how long things are kept, and how many rows would go if it were shorter."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from fanfare.account_settings.schemas.retention import FEWEST, RetentionChanges, RetentionPeriod, RetentionPreview
from fanfare.imports.actions.upkeep import RETENTION as IMPORT_FILES
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.idempotency import RETENTION as STORED_ANSWERS
from fanfare.kernel.data.retention import CHANGES, CLICKS, DELIVERIES, MESSAGES, STAFF_IDLE, STAFF_LIFETIME
from fanfare.kernel.running.settings import Settings

DAY = timedelta(days=1)
# The default of `exports.retention_days`.
EXPORT_DAYS = 7
MAX_COUNT = 100_000
OLDER: Mapping[str, str] = {
    CHANGES: "changes where account_id = $1 and occurred_at < $2",
    DELIVERIES: "webhook_deliveries where account_id = $1 and created_at < $2",
    MESSAGES: "messages where account_id = $1 and created_at < $2 and message_state not in ('queued', 'sending')",
    CLICKS: "tracker_clicks where account_id = $1 and clicked_at < $2 and coalesce(ip_address, user_agent) is not null",
}
COUNTS = {
    kind: Heavy(f"select count(*) from (select from {older} limit $3) rows")  # noqa: S608 - constants
    for kind, older in OLDER.items()
}


class ServerPeriods:
    """The operator's settings; each process sets them as it starts."""

    def __init__(self) -> None:
        """Begin with the defaults."""
        self.use(Settings())

    def use(self, settings: Settings) -> None:
        """Take the settings."""
        self.days: dict[str, float] = {
            CHANGES: settings.changes_days,
            DELIVERIES: settings.deliveries_days,
            MESSAGES: settings.messages_days,
            CLICKS: settings.clicks_days,
        }
        self.session_days = {"idle_sessions": settings.session_idle_days, "sessions": settings.session_days}


server_periods = ServerPeriods()


async def account_days(db: Db, account_id: int) -> dict[str, int]:
    """Return the days that an account chose, by kind."""
    sql = "select retention_kind, retention_days from retention_periods where account_id = $1"
    return {row["retention_kind"]: row["retention_days"] for row in await db.rows(sql, account_id)}


async def retention_periods(db: Db, account_id: int) -> list[RetentionPeriod]:
    """Return how long each kind of thing is kept: first what the account can choose."""
    chosen = await account_days(db, account_id)
    periods = [
        RetentionPeriod(kind, "account", min(days, chosen.get(kind, days)), days, chosen.get(kind), FEWEST[kind])
        for kind, days in server_periods.days.items()
    ]
    fixed: list[tuple[str, str, float | None]] = [
        ("stream_records", "thing", None),
        ("scheduled_exports", "thing", None),
        ("export_files", "operator", EXPORT_DAYS),
        ("import_files", "operator", IMPORT_FILES / DAY),
        *((kind, "operator", days) for kind, days in server_periods.session_days.items()),
        ("idle_staff_sessions", "operator", STAFF_IDLE / DAY),
        ("staff_sessions", "operator", STAFF_LIFETIME / DAY),
        ("stored_answers", "operator", STORED_ANSWERS / DAY),
        ("records", "nobody", None),
        ("audit_entries", "nobody", None),
    ]
    return periods + [RetentionPeriod(kind, by, days, None, None, None) for kind, by, days in fixed]


async def retention_preview(db: Db, account_id: int, query: RetentionChanges, now: datetime) -> RetentionPreview:
    """Return how many rows of a kind are older than some days."""
    longest = server_periods.days[query.retention_kind]
    days = min(query.retention_days or longest, longest)
    count = await db.value(COUNTS[query.retention_kind], account_id, now - timedelta(days=days), MAX_COUNT + 1)
    return RetentionPreview(query.retention_kind, query.retention_days, min(count, MAX_COUNT), count > MAX_COUNT)
