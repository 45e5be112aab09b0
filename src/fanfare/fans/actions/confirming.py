"""Marks an address or number of a fan as confirmed: somebody who reads what is sent there has shown it."""

from datetime import datetime

from fanfare.fans.topics import FAN_UPDATED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db

CONFIRM = f"""
    with {HOLD},
    updated as (
        update fans f
        set {{mark}} = true, password_hash = case when $4 then password_hash end, position = nextval('positions'),
            updated_at = greatest($3, f.updated_at + interval '1 millisecond')
        from hold
        where f.account_id = $1 and f.fan_id = $2 and not f.{{mark}} and {{is_own}}
        returning f.fan_id, f.position, f.updated_at
    ),
    announced as (
        {announce(FAN_UPDATED, "updated", position="position", at="updated_at", fields="{fields}")}
    )
    select fan_id from updated
"""  # noqa: S608 - fixed parts
# By the network of an identifier. A fan has one address; of two numbers the first alone has a mark.
CONFIRMATIONS = {
    "email": CONFIRM.format(
        mark="is_confirmed",
        is_own="$5::text is not null",
        fields="array['is_confirmed', 'password_hash']",
    ),
    "phone": CONFIRM.format(
        mark="is_phone_confirmed",
        is_own="f.phone = $5",
        fields="array['is_phone_confirmed', 'password_hash']",
    ),
}


async def confirm(
    db: Db, account_id: int, fan_id: int, identity: tuple[str, str], now: datetime, *, keeps_password: bool
) -> bool:
    """Mark what identifies a fan as confirmed and say whether it was not before; part of the caller's transaction.

    The password was set by whoever registered the address, who need not be its owner: it goes unless that is known.
    """
    network, value = identity
    confirmed = await db.value(CONFIRMATIONS[network], account_id, fan_id, now, keeps_password, value)
    return confirmed is not None
