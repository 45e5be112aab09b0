"""Checks passes in, each once: a single conditional update decides between concurrent attempts."""

from datetime import datetime

from fanfare.campaigns.actions.quests import HAS_PROGRESS, progress, settle
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import unix
from fanfare.registrations.actions.quests import CHECK_IN_QUESTS, holders
from fanfare.registrations.actions.refusals import (
    PassAlreadyUsed,
    PassCancelled,
    PassOfAnotherEvent,
    PassTransferred,
    PassUse,
)
from fanfare.registrations.schemas.passes import CheckedIn, NewCheckIn
from fanfare.registrations.topics import PASS_CHECKED_IN

# Separate statements for each key, and `+ 0` to prevent the use of the campaign's index: passes must be looked up by
# their own key even before the tables are analysed, since gates open soon after passes are created.
BY_CODE = "p.pass_code = $3 and ($4::uuid is null or p.pass_uid = $4)"
BY_UID = "p.pass_uid = $4 and ($3::text is null or p.pass_code = $3)"
CONDITIONS = (BY_CODE, BY_UID)
CHECK_IN = {
    condition: f"""
    with {HOLD},
    checked_in as (
        update passes p
        set checked_in_at = $5, updated_at = $5, gate_name = $6, check_in_key = $7
        where p.account_id = $1 and p.page_tab_id + 0 = $2 and {condition}
          and ($8::text is null or p.event_key = $8) and p.checked_in_at is null and p.cancelled_at is null
        returning p.pass_uid, p.section_uid, p.claim_fan_id, p.fan_id, p.checked_in_at, p.gate_name, p.page_tab_id,
                  p.event_key
    ),
    {holders("coalesce(e.claim_fan_id, e.fan_id)")},
    {progress("check_in", "holders", CHECK_IN_QUESTS, moment="c.checked_in_at")},
    announced as (
        {announce(PASS_CHECKED_IN, "checked_in", fan="coalesce(claim_fan_id, fan_id)", at="$5")}
    )
    select pass_uid, section_uid, claim_fan_id, fan_id, checked_in_at, gate_name, {HAS_PROGRESS} from checked_in
    """  # noqa: S608 - fixed parts
    for condition in CONDITIONS
}
FIND = {
    condition: f"""
    select p.pass_uid, p.section_uid, p.claim_fan_id, p.fan_id, p.checked_in_at, p.gate_name, p.check_in_key,
           p.cancelled_at, p.event_key, c.time_zone
    from passes p
    join campaigns c on c.account_id = p.account_id and c.page_tab_id = p.page_tab_id
    where p.account_id = $1 and p.page_tab_id + 0 = $2 and {condition}
    """  # noqa: S608 - fixed parts
    for condition in CONDITIONS
}
TRANSFERRED = """
    select true from ended_pass_codes e
    join passes p on p.account_id = e.account_id and p.pass_uid = e.pass_uid
    where e.account_id = $1 and e.pass_code = $3 and p.page_tab_id + 0 = $2
"""


async def check_in(db: Db, account: Account, new: NewCheckIn, now: datetime) -> CheckedIn:
    """Check a pass in; a repeated request with the same gate_name and check_in_key gets the same response.

    Unknown (404) for an unknown pass or one of another campaign; Conflict (409) for a pass of another event, a
    cancelled or transferred one, and a used one, with when and where it was used.
    """
    args = (account.id, new.page_tab_id, new.pass_code, new.pass_uid)
    statement = BY_UID if new.pass_uid else BY_CODE
    gate = (new.gate_name, new.check_in_key, new.event_key)
    # Retries deadlocks: the erasure of the holder locks fan and pass in the other order.
    row = await db.retry_conflicts(lambda tx: tx.row(CHECK_IN[statement], *args, now, *gate))
    if row and row["has_progress"]:
        await settle(db, account.id, [row["claim_fan_id"] or row["fan_id"]], now)
    if row is None:
        row = await _used_pass(db, statement, new.event_key, *args)
        request = new.check_in_key, new.gate_name
        if new.check_in_key is None or request != (row["check_in_key"], row["gate_name"]):
            raise PassAlreadyUsed(
                PassUse(row["checked_in_at"], row["gate_name"], row["time_zone"] or account.time_zone)
            )
    return CheckedIn(
        row["pass_uid"],
        row["section_uid"],
        row["claim_fan_id"],
        row["fan_id"],
        checked_in=True,
        check_in_timestamp=unix(row["checked_in_at"]),
        gate_name=row["gate_name"],
    )


async def _used_pass(db: Db, statement: str, event_key: str | None, *args: object) -> Record:
    """Return a pass that was used before; else raise the error that explains why it could not be checked in."""
    row = await db.row(FIND[statement], *args)
    if row is None:
        if await db.value(TRANSFERRED, *args[:3]):
            raise PassTransferred
        message = "The campaign has no such pass"
        raise Unknown(message)
    if event_key is not None and row["event_key"] != event_key:
        raise PassOfAnotherEvent
    if row["checked_in_at"] is None:
        # Neither used nor cancelled: it was created after the update ran.
        raise PassCancelled if row["cancelled_at"] else Unknown("The campaign has no such pass")
    return row
