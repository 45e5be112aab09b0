"""Addresses that get no messages: those that bounced, those that complained, and those that staff added."""

import secrets
from datetime import datetime
from typing import NamedTuple

from fanfare.fans.contact import normalized_mail_key
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unknown
from fanfare.messages.schemas.suppressions import NewSuppression
from fanfare.messages.topics import SUPPRESSION_CREATED, SUPPRESSION_DELETED

BOUNCE, COMPLAINT, MANUAL = "bounce", "complaint", "manual"


class Target(NamedTuple):
    """An address by its channel, in its shown form."""

    channel: str
    address: str

    def arguments(self) -> dict[str, str]:
        """Return what HASH takes."""
        is_mail = self.channel == "email"
        return {
            "channel": self.channel,
            "network": "email" if is_mail else "phone",
            "address_key": normalized_mail_key(self.address) if is_mail else self.address,
        }


# The hash of an address, as an erasure keeps those of its fan.
HASH = "(select identity_hash(hash_key, :network, :address_key) from erasure_keys where account_id = $1)"
IS_SUPPRESSED = (
    f"exists (select from suppressions where account_id = $1 and channel = :channel and address_hash = {HASH})"
)
# What an import has suppressed is not its own any more: its undo keeps it.
ADD = Sql(f"""
    with {HOLD},
    new as materialized (select nextval('positions') as suppression_id from hold),
    saved as (
        insert into suppressions as s (account_id, suppression_id, channel, address_hash, address, suppression_reason,
                                       message_id, created_at)
        select $1, suppression_id, :channel, {HASH}, :address, :reason, :message_id, :now from new
        on conflict (account_id, channel, address_hash) do update set import_source = null
        where s.import_source is not null
        returning suppression_id, channel
    ),
    created as (select suppression_id, channel from saved join new using (suppression_id))
    {announce(SUPPRESSION_CREATED, "created", position="suppression_id", at=":now")}
""")  # noqa: S608 - fixed parts


async def suppress(
    db: Db, account_id: int, target: Target, reason: str, now: datetime, *, message_id: int | None = None
) -> None:
    """Send nothing more to an address; part of the caller's transaction. One that is suppressed stays so."""
    await db.execute(
        "insert into erasure_keys (account_id, hash_key) values ($1, $2) on conflict (account_id) do nothing",
        account_id,
        secrets.token_bytes(32),
    )
    await db.execute(
        ADD, account_id, **target.arguments(), address=target.address, reason=reason, message_id=message_id, now=now
    )


async def suppress_manually(db: Db, account: Account, new: NewSuppression, now: datetime) -> None:
    """Send nothing more to the address that a call names; refuses what is none."""
    target = Target(new.channel, new.address(account.country_code))
    async with db.transaction() as tx:
        await suppress(tx, account.id, target, MANUAL, now)


QUESTION = Sql(f"select {IS_SUPPRESSED}")


async def is_suppressed(db: Db, account_id: int, target: Target) -> bool:
    """Return whether an address gets no messages."""
    answer: bool = await db.value(QUESTION, account_id, **target.arguments())
    return answer


DELETE = announced_deletion(
    SUPPRESSION_DELETED,
    "delete from suppressions where account_id = $1 and suppression_id = $2",
    returning="suppression_id, channel",
)


async def lift(db: Db, account_id: int, suppression_id: int, now: datetime) -> None:
    """Let an address get messages again; refuses (404) an unknown suppression."""
    if await db.value(DELETE, account_id, suppression_id, now) is None:
        raise Unknown(suppression=suppression_id)
