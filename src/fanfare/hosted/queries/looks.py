"""Reads the look of a business."""

import re
from collections.abc import Mapping
from typing import Any

from fanfare.accounts.queries import account_by_id, only_business
from fanfare.accounts.schemas import Business
from fanfare.hosted.schemas.looks import Look
from fanfare.kernel.data.db import Db

COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
PICTURE = re.compile(r"https://[^\s\"'<>]{1,2000}")
LEGAL_LINK = re.compile(r"https?://[^\s\"'<>]{1,2000}")
LEGAL_TEXTS = (("Privacy", "legal_privacy"), ("Terms", "legal_terms"), ("Rules", "legal_rules"))


async def look_of(db: Db, account_id: int, business_id: int | None = None) -> Look:
    """Return the look of a business; without one that of the account's only business, else the account's name.

    A business that was deleted counts as none.
    """
    entry = await only_business(db, account_id, business_id)
    return business_look(entry) if entry else Look((await account_by_id(db, account_id)).name)


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
