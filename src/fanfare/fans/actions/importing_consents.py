"""Consents of an import, each with its proof: no yes overrides a no, and one that is in the ledger is not added again.

An undo deletes the yeses from the ledger, as if they had never been said, and keeps every no.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from fanfare.fans.actions.consents import derive_consent
from fanfare.fans.actions.fans import write_columns
from fanfare.fans.actions.importing import FLAGS, ImportContext, import_changes
from fanfare.fans.actions.importing_owners import Owner, owner
from fanfare.fans.schemas.fans import FanChanges
from fanfare.fans.schemas.imported_consents import ImportedConsent
from fanfare.kernel.data.announcements import hold
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.errors import Refusal, Unavailable
from fanfare.kernel.parameters import present_fields
from fanfare.kernel.wire import check_past


class ConsentLine(msgspec.Struct, frozen=True):
    """A consent of an import and its fan."""

    new: ImportedConsent
    owner: Owner


class ConsentOutcome(msgspec.Struct, frozen=True):
    """What became of a consent: its id if it is new, opt-ins left out, or why it was refused."""

    consent_id: int | None = None
    refused_count: int = 0
    refusal: Refusal | None = None


def consent_line(new: ImportedConsent, context: ImportContext) -> ConsentLine:
    """Return the line of a consent; BadParameters (422) names every invalid field."""
    check_past(context.now, consent_timestamp=new.consent_timestamp)
    return ConsentLine(new, owner(present_fields(new), context, context.uploaded_at))


# Nobody knows when an undated no was said. It is one that is there only if no yes came between that one and the upload.
IS_RECORDED = """
    select exists (
        select from consents c
        where c.account_id = $1 and c.fan_id = $2 and c.channel = $3 and c.business_id is not distinct from $4
          and c.is_granted = $5 and c.wording is not distinct from $6
          and case
                  when $7::timestamptz is not null then c.given_at = $7 and not c.is_undated
                  when c.is_granted then c.is_undated
                  else not exists (
                      select from consents y
                      where y.account_id = $1 and y.fan_id = $2 and y.is_granted and not y.is_undated
                        and (y.channel = c.channel and y.business_id is not distinct from c.business_id
                             or c.channel = 'everything')
                        and y.given_at > c.given_at and y.given_at <= $8)
              end)
"""


async def import_consent(db: Db, line: ConsentLine, fan_id: int, context: ImportContext) -> ConsentOutcome:
    """Record a consent of a fan, unless it is in the ledger; in a transaction of its own within the caller's."""
    new, account_id = line.new, context.account.id
    is_dated = new.consent_timestamp is not None and not (new.is_granted and new.is_undated)
    moment = min(new.consent_timestamp, context.uploaded_at) if new.consent_timestamp and is_dated else None
    entry = (new.channel, new.business_id, new.is_granted, new.consent_wording, moment)
    try:
        async with db.transaction() as tx:
            if await tx.value(IS_RECORDED, account_id, fan_id, *entry, context.uploaded_at):
                return ConsentOutcome()
            changes = _changes(new, fan_id, moment or context.uploaded_at)
            refused = await import_changes(tx, changes, context, is_undated=moment is None)
            if refused:
                return ConsentOutcome(refused_count=refused)
            newest = "select max(consent_id) from consents where account_id = $1 and fan_id = $2"
            return ConsentOutcome(await tx.value(newest, account_id, fan_id))
    except Unavailable:
        raise
    except Refusal as refusal:
        return ConsentOutcome(refusal=refusal)


def _changes(new: ImportedConsent, fan_id: int, moment: datetime) -> FanChanges:
    fields: dict[str, Any] = {"consent_wording": new.consent_wording, "consent_source": new.consent_source}
    if new.channel == "business":
        fields["businesses"] = {str(new.business_id): new.is_granted}
    else:
        fields[FLAGS[new.channel]] = not new.is_granted if new.channel == "everything" else new.is_granted
    if new.ip_address:
        fields["ip_address"] = new.ip_address
    return FanChanges(fan_id=fan_id, consent_timestamp=moment, **fields)


async def delete_yeses(db: Db, account_id: int, consent_ids: Sequence[int], now: datetime) -> int:
    """Delete those of some consents that are a yes, and derive the flags of their fans again; return their number.

    Part of the caller's transaction.
    """
    await hold(db, account_id)
    fans = await db.rows(LOCK, account_id, list(consent_ids))
    deleted = await db.rows(
        "delete from consents where account_id = $1 and consent_id = any($2::bigint[]) and is_granted returning fan_id",
        account_id,
        list(consent_ids),
    )
    fan_ids = {row["fan_id"] for row in deleted}
    for fan in fans:
        if fan["fan_id"] in fan_ids:
            await _derive(db, account_id, fan, now)
    return len(deleted)


LOCK = """
    select f.fan_id, f.is_subscribed, f.is_phone_subscribed, f.is_optout from fans f
    where f.account_id = $1 and f.fan_id in (
        select fan_id from consents where account_id = $1 and consent_id = any($2::bigint[]))
    order by f.fan_id for no key update of f
"""
# Of a business about which nothing is in the ledger any more.
FORGET_BUSINESSES = """
    delete from fan_businesses b
    where b.account_id = $1 and b.fan_id = $2 and not exists (
        select from consents c
        where c.account_id = $1 and c.fan_id = $2
          and (c.business_id = b.business_id or c.channel = 'everything' and not c.is_granted))
    returning business_id
"""


async def _derive(db: Db, account_id: int, fan: Record, now: datetime) -> None:
    fan_id = fan["fan_id"]
    removed = await db.rows(FORGET_BUSINESSES, account_id, fan_id)
    columns, fields = await derive_consent(db, account_id, fan_id)
    fields += [f"business_{row['business_id']}" for row in removed]
    fields += [name for name in ("is_subscribed", "is_phone_subscribed", "is_optout") if columns[name] != fan[name]]
    await write_columns(db, account_id, fan_id, columns, fields, now)
