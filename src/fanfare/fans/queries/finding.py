"""Finds a fan by what a person types: an id, an email address, a phone number."""

from contextlib import suppress

from fanfare.fans.contact import mail_key, phone_number
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.wire import MAX_ID

# Fans of one number or address that are told apart.
MAX_MATCHES = 2
MAX_DIGITS = 19


async def fan_ids_of_text(db: Db, account: Account, text: str) -> list[int]:
    """Return the fans whose id, email address or phone number a text is, at most two."""
    keys = []
    with suppress(ValueError):
        keys.append(("email", mail_key(text)))
    with suppress(ValueError):
        keys.append(("phone", phone_number(text, account.country_code)))
    digits = text.strip().removeprefix("#")
    fan_id = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS else 0
    rows = await db.rows(
        """
        select i.fan_id from fan_identifiers i
        join unnest($2::text[], $3::text[]) as k (network, identifier_value)
          on k.network = i.network and k.identifier_value = i.identifier_value
        where i.account_id = $1
        union
        select f.fan_id from fans f where f.account_id = $1 and f.fan_id = $4
        order by 1 limit $5
        """,
        account.id,
        [network for network, _ in keys],
        [value for _, value in keys],
        min(fan_id, MAX_ID),
        MAX_MATCHES,
    )
    return [row["fan_id"] for row in rows]
