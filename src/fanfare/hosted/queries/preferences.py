"""Reads the fan behind a link, and what the fan has agreed to."""

from fanfare.accounts.queries import businesses
from fanfare.fans.queries.fans import fan
from fanfare.fans.queries.merges import successors
from fanfare.fans.schemas.fans import Fan
from fanfare.hosted.schemas.preferences import Choice
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.messages.actions.preference_links import LinkUnknown, Recipient


async def current_fan(db: Db, recipient: Recipient) -> Fan:
    """Return the fan whom a link names, or who that fan became by a merge. LinkUnknown (404) after an erasure."""
    heirs = await successors(db, recipient.account_id, [recipient.fan_id])
    try:
        return await fan(db, recipient.account_id, heirs.get(recipient.fan_id, recipient.fan_id))
    except Unknown:
        raise LinkUnknown from None


async def choices(db: Db, account_id: int, person: Fan) -> list[Choice]:
    """Return the businesses of the account with what the fan has said to each."""
    opted_in = set(person.opted_in_business_ids)
    return [
        Choice(each.business_id, each.business_name, each.business_id in opted_in)
        for each in await businesses(db, account_id)
    ]


def masked(email: str | None) -> str:
    """Return an email address of which only its owner knows the rest: forwarded mail shows it to others."""
    name, _, host = (email or "").partition("@")
    return f"{name[:1]}…@{host}" if host else ""
