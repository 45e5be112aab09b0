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
    created as (
        insert into suppressions (account_id, suppression_id, channel, address_hash, address, suppression_reason,
                                  created_at)
        select $1, nextval('positions'), l.channel, l.address_hash,
               case when not exists (
                   select from erased_identities e where e.account_id = $1 and e.identity_hash = l.address_hash)
               then l.address end, l.reason, :now
        from hold cross join (select * from lines order by place) as l
        on conflict (account_id, channel, address_hash) do nothing
        returning suppression_id, channel, address_hash
    ),
    announced as (
        {announce(SUPPRESSION_CREATED, "created", position="suppression_id", at=":now")}
    )
    select l.place, c.suppression_id
    from created c
    join (select distinct on (channel, address_hash) * from lines order by channel, address_hash, place) l
      on l.channel = c.channel and l.address_hash = c.address_hash
""")  # noqa: S608 - fixed parts


async def import_suppressions(
    db: Db, account_id: int, lines: Sequence[SuppressionLine], now: datetime
) -> list[list[int]]:
    """Suppress the addresses of lines and return the ids of what each added; in the caller's transaction."""
    await db.execute(
        "insert into erasure_keys (account_id, hash_key) values ($1, $2) on conflict (account_id) do nothing",
        account_id,
        secrets.token_bytes(32),
    )
    rows = [row for place, each in enumerate(lines) for row in _rows(place, each)]
    result: list[list[int]] = [[] for _ in lines]
    for row in await db.rows(ADD, account_id, **LINES.arguments(rows), now=now):
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
        delete from suppressions where account_id = $1 and suppression_id = any($2::bigint[])
        returning suppression_id, channel
    ),
    announced as (
        {announce(SUPPRESSION_DELETED, "deleted", at="$3")}
    )
    select count(*) from deleted
"""  # noqa: S608 - fixed parts


async def lift_all(db: Db, account_id: int, suppression_ids: Sequence[int], now: datetime) -> int:
    """Let addresses get messages again; return the number of those that were suppressed."""
    count: int = await db.value(DELETE, account_id, list(suppression_ids), now)
    return count
