"""Consents of an import, each with its proof: no yes overrides a no, and one that is in the ledger is not added again.

An undo deletes the yeses from the ledger, as if they had never been said, and keeps every no.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfare.fans.actions.consent_batches import FanWords, Words, WordsOutcome
from fanfare.fans.actions.consents import ConsentEntry, derive_consent
from fanfare.fans.actions.fans import write_columns
from fanfare.fans.actions.importing import ImportContext, circumstances, record_words
from fanfare.fans.actions.importing_owners import Owner, owner
from fanfare.fans.schemas.imported_consents import ImportedConsent
from fanfare.kernel.data.announcements import hold
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.parameters import present_fields
from fanfare.kernel.wire import check_past


class ConsentLine(msgspec.Struct, frozen=True):
    """A consent of an import and its fan."""

    new: ImportedConsent
    owner: Owner


def consent_line(new: ImportedConsent, context: ImportContext) -> ConsentLine:
    """Return the line of a consent; BadParameters (422) names every invalid field."""
    check_past(context.now, consent_timestamp=new.consent_timestamp)
    return ConsentLine(new, owner(present_fields(new), context, context.uploaded_at))


async def import_consents(
    db: Db, lines: Sequence[tuple[int, ConsentLine]], context: ImportContext
) -> list[WordsOutcome]:
    """Record consents of fans, pairs of a fan_id and a line, but for those that are in the ledger."""
    rows = {place: FanWords(fan_id, _words(line.new, context)) for place, (fan_id, line) in enumerate(lines)}
    return list((await record_words(db, rows, context)).values())


def _words(new: ImportedConsent, context: ImportContext) -> Words:
    is_dated = new.consent_timestamp is not None and not (new.is_granted and new.is_undated)
    moment = min(new.consent_timestamp, context.uploaded_at) if new.consent_timestamp and is_dated else None
    entry = ConsentEntry(new.channel, new.is_granted, new.business_id)
    return Words([entry], circumstances(new, moment, context), is_once=True)


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
