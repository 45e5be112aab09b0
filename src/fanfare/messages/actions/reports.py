"""Notes what came back of messages, and sends nothing more to such addresses.

A complaint is a word of the fan and goes into the ledger of consents; a bounce says nothing about what the fan wants.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fanfare.accounts.queries import account_by_id
from fanfare.fans.actions.fans import prepare_change, write_change
from fanfare.fans.schemas.fans import FanChanges
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
# What the driver returns for a statement that announced nothing.
NOTHING = "INSERT 0 0"
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
    async def write(outer: Db) -> bool:
        async with outer.transaction() as tx:
            return await _write(tx, report, now)

    return await db.retry_conflicts(write)


async def _write(db: Db, report: Report, now: datetime) -> bool:
    row = await db.row(
        "select channel, recipient, fan_id, created_at from messages where account_id = $1 and message_id = $2"
        " for update",
        report.account_id,
        report.message_id,
    )
    if row is None:
        return False
    is_new = await db.execute(NOTE[report.type], report.account_id, report.message_id, now) != NOTHING
    if row["recipient"] is None:
        return True
    target = Target(row["channel"], row["recipient"])
    if report.is_permanent:
        await suppress(db, report.account_id, target, REASONS[report.type], now, message_id=report.message_id)
    if report.type == "complaint" and is_new:
        # Nobody complains before the message was there, nor later than now.
        moment = min(max(report.reported_at or now, row["created_at"]), now)
        await _withdraw_consent(db, report, row["fan_id"], target, moment, now)
    return True


# What a complaint about a message of a channel says.
NO_TO: dict[str, dict[str, Any]] = {"email": {"is_subscribed": False}, "sms": {"is_phone_subscribed": False}}
OWNER = """
    select fan_id from fan_identifiers where account_id = $1 and network = $2 and identifier_value = $3
"""


async def _withdraw_consent(
    db: Db, report: Report, fan_id: int | None, target: Target, moment: datetime, now: datetime
) -> None:
    """Write the complaint into the ledger of consents, as a no to the channel at the time of the complaint.

    A message that named no fan is about the fan who has its address now.
    """
    if fan_id is None:
        key = target.arguments()
        fan_id = await db.value(OWNER, report.account_id, key["network"], key["address_key"])
    if fan_id is None:
        return
    account = await account_by_id(db, report.account_id)
    changes = FanChanges(
        fan_id=fan_id,
        consent_source=COMPLAINT,
        consent_wording=f"The recipient reported message {report.message_id} as unwanted.",
        consent_timestamp=moment,
        **NO_TO[target.channel],
    )
    await write_change(db, account, await prepare_change(db, account, changes, COMPLAINT), now)
