"""Whether a fan has accepted the present terms of a business."""

from datetime import datetime

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.sessions.queries.businesses import SiteBusiness
from fanfare.sessions.schemas.connect import Connection
from fanfare.sessions.topics import TERMS_ACCEPTED

ACCEPT = f"""
    with {HOLD},
    created as (
        insert into accepted_terms (account_id, fan_id, business_id, terms_hash, ip_address, accepted_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (account_id, fan_id, business_id, terms_hash) do nothing
        returning fan_id, business_id
    )
    {announce(TERMS_ACCEPTED, "created", at="$6")}
"""  # noqa: S608 - fixed parts


def terms_required(business: SiteBusiness) -> Connection:
    """Return what a step answers when the fan has still to accept the terms."""
    return Connection(
        status="terms_required",
        business_id=business.business_id,
        legal_terms=business.legal_terms,
        legal_privacy=business.legal_privacy,
    )


async def has_accepted(db: Db, account_id: int, fan_id: int, business: SiteBusiness | None) -> bool:
    """Return whether a fan has nothing more to accept."""
    if business is None or business.terms_hash is None:
        return True
    accepted_at = await db.value(
        "select accepted_at from accepted_terms"
        " where account_id = $1 and fan_id = $2 and business_id = $3 and terms_hash = $4",
        account_id,
        fan_id,
        business.business_id,
        business.terms_hash,
    )
    return accepted_at is not None


async def accept(
    db: Db, account_id: int, fan_id: int, business: SiteBusiness | None, address: str | None, now: datetime
) -> None:
    """Note that a fan accepts the present terms; part of the caller's transaction."""
    if business is not None and business.terms_hash is not None:
        await db.execute(ACCEPT, account_id, fan_id, business.business_id, business.terms_hash, address, now)
