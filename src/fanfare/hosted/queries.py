"""Reads what hosted pages show: the look of a business, the fan behind a link, and what the fan has agreed to."""

import re
from collections.abc import Mapping
from typing import Any

from fanfare.accounts.queries import account_by_id, businesses
from fanfare.accounts.schemas import Business
from fanfare.fans.queries.fans import fan
from fanfare.fans.queries.merges import successors
from fanfare.fans.schemas.fans import Fan
from fanfare.hosted.schemas import Choice, Look, Recipient
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown

COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
PICTURE = re.compile(r"https://[^\s\"'<>]{1,2000}")
LEGAL_LINK = re.compile(r"https?://[^\s\"'<>]{1,2000}")
LEGAL_TEXTS = (("Privacy", "legal_privacy"), ("Terms", "legal_terms"), ("Rules", "legal_rules"))


class LinkUnknown(Unknown):
    """The link is no longer valid"""

    def __init__(self) -> None:
        super().__init__(detail="Use the link of the newest message that you have from us.")


async def look_of(db: Db, account_id: int, business_id: int | None = None) -> Look:
    """Return the look of a business; without one that of the account's only business, else the account's name.

    A business that was deleted counts as none.
    """
    entries = await businesses(db, account_id)
    matches = [each for each in entries if business_id in (None, each.business_id)]
    if len(matches) == 1:
        return business_look(matches[0])
    return Look((await account_by_id(db, account_id)).name)


def business_look(entry: Business) -> Look:
    """Return the look of a business: `style_props.brand_color` and `media_map.logo`, where they are safe to show."""
    return Look(
        entry.business_name,
        _safe(COLOUR, entry.style_props, "brand_color"),
        _safe(PICTURE, entry.media_map, "logo"),
        tuple((title, text) for title, name in LEGAL_TEXTS if LEGAL_LINK.fullmatch(text := getattr(entry, name) or "")),
    )


def _safe(pattern: re.Pattern[str], props: Mapping[str, Any], name: str) -> str | None:
    value = props.get(name)
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


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
