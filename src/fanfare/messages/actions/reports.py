"""Notes what came back of messages, and sends nothing more to such addresses."""

from collections.abc import Iterable
from datetime import datetime

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.messages.actions.suppressions import BOUNCE, COMPLAINT, Target, suppress
from fanfare.messages.reports.parsing import Report
from fanfare.messages.topics import MESSAGE_BOUNCED, MESSAGE_REPORTED

UPDATE = """
    update messages set {column} = $3
    where account_id = $1 and message_id = $2 and {column} is null
    returning message_id, channel, fan_id
"""
NOTE_BOUNCE = f"""
    with {HOLD}, noted as ({UPDATE.format(column="bounced_at")})
    {announce(MESSAGE_BOUNCED, "noted", at="$3")}
"""
NOTE_COMPLAINT = f"""
    with {HOLD}, noted as ({UPDATE.format(column="reported_at")})
    {announce(MESSAGE_REPORTED, "noted", at="$3")}
"""
NOTE = {"bounce": NOTE_BOUNCE, "complaint": NOTE_COMPLAINT}
REASONS = {"bounce": BOUNCE, "complaint": COMPLAINT}


async def note(db: Db, reports: Iterable[Report], now: datetime, *, account_id: int | None = None) -> int:
    """Note reports, with `account_id` those of that account alone; return of how many messages they are.

    What a report is about is the message that it names: nobody can suppress an address by writing it into a report.
    """
    count = 0
    for report in reports:
        if account_id in (None, report.account_id):
            count += await _note(db.for_account(report.account_id), report, now)
    return count


async def _note(db: Db, report: Report, now: datetime) -> bool:
    async with db.transaction() as tx:
        row = await tx.row(
            "select channel, recipient from messages where account_id = $1 and message_id = $2 for update",
            report.account_id,
            report.message_id,
        )
        if row is None:
            return False
        await tx.execute(NOTE[report.type], report.account_id, report.message_id, now)
        if report.is_permanent and row["recipient"] is not None:
            target, reason = Target(row["channel"], row["recipient"]), REASONS[report.type]
            await suppress(tx, report.account_id, target, reason, now, message_id=report.message_id)
    return True
