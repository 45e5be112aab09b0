"""Suppression lists of other systems: addresses that get no messages from now on, and get them again after an undo."""

import secrets
from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfare.fans.contact import normalized_mail_key, read_contact
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Arrays, Sql
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import present_fields
from fanfare.messages.actions.suppressions import MANUAL
from fanfare.messages.schemas.suppressions import ImportedSuppression
from fanfare.messages.topics import SUPPRESSION_CREATED, SUPPRESSION_DELETED


class SuppressionLine(msgspec.Struct, frozen=True):
    """An email address, a number, or both, that get no messages."""

    mail: str | None
    phone: str | None
    reason: str


def suppression_line(new: ImportedSuppression, account: Account) -> SuppressionLine:
    """Return the line of a suppression; BadParameters (422) for an address that is none."""
    contact = read_contact(present_fields(new), account.country_code)
    if contact.faults:
        raise BadParameters(contact.faults)
    return SuppressionLine(contact.mail, contact.phone, new.suppression_reason or MANUAL)


LINES = Arrays(
    "line",
    {
        "place": "integer", "channel": "text", "network": "text", "address_key": "text", "address": "text",
        "reason": "text",
    },
)  # fmt: skip
# The address of a person who was erased is suppressed without being stored, as it is with the erasure itself.
ADD = Sql(f"""
    with {HOLD},
    lines as materialized (
        select g.*, identity_hash(k.hash_key, g.network, g.address_key) as address_hash
        from {LINES.unnest("g")} cross join erasure_keys k where k.account_id = $1
    ),
    new as materialized (
        select nextval('positions') as suppression_id, l.*
        from hold cross join (
            select distinct on (channel, address_hash) * from lines order by channel, address_hash, place) as l
    ),
    saved as (
        insert into suppressions as s (account_id, suppression_id, channel, address_hash, address, suppression_reason,
                                       created_at, import_source)
        select $1, n.suppression_id, n.channel, n.address_hash,
               case when not exists (
                   select from erased_identities e where e.account_id = $1 and e.identity_hash = n.address_hash)
               then n.address end, n.reason, :now, :source
        from new n order by n.channel, n.address_hash
        on conflict (account_id, channel, address_hash) do update set import_source = null
        where s.import_source <> excluded.import_source
        returning suppression_id
    ),
    created as (select n.place, n.suppression_id, n.channel from saved join new n using (suppression_id)),
    announced as (
        {announce(SUPPRESSION_CREATED, "created", position="suppression_id", at=":now")}
    )
    select place, suppression_id from created
""")  # noqa: S608 - fixed parts


async def import_suppressions(
    db: Db, account_id: int, lines: Sequence[SuppressionLine], now: datetime, source: str
) -> list[list[int]]:
    """Suppress the addresses of lines and return the ids of what each added; in the caller's transaction.

    `source` is the name of the import. What another one has suppressed is not its own any more.
    """
    await db.execute(
        "insert into erasure_keys (account_id, hash_key) values ($1, $2) on conflict (account_id) do nothing",
        account_id,
        secrets.token_bytes(32),
    )
    rows = [row for place, each in enumerate(lines) for row in _rows(place, each)]
    result: list[list[int]] = [[] for _ in lines]
    for row in await db.rows(ADD, account_id, **LINES.arguments(rows), now=now, source=source):
        result[row["place"]].append(row["suppression_id"])
    return result


def _rows(place: int, line: SuppressionLine) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    if line.mail:
        key = normalized_mail_key(line.mail)
        rows.append({"channel": "email", "network": "email", "address_key": key, "address": line.mail})
    if line.phone:
        rows.append({"channel": "sms", "network": "phone", "address_key": line.phone, "address": line.phone})
    return [{"place": place, "reason": line.reason, **row} for row in rows]


DELETE = f"""
    with {HOLD},
    deleted as (
        delete from suppressions
        where account_id = $1 and suppression_id = any($2::bigint[]) and import_source = $4
        returning suppression_id, channel
    ),
    announced as (
        {announce(SUPPRESSION_DELETED, "deleted", at="$3")}
    )
    select count(*) from deleted
"""  # noqa: S608 - fixed parts


async def lift_all(db: Db, account_id: int, suppression_ids: Sequence[int], now: datetime, source: str) -> int:
    """Let addresses get messages again whom nobody but the import suppressed; return their number."""
    count: int = await db.value(DELETE, account_id, list(suppression_ids), now, source)
    return count
