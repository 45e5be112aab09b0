"""The business that a session is for, and the texts that its fans agree to."""

import hashlib
from typing import Any

import msgspec

from fanfare.campaigns.queries.checks import no_business
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.sessions.schemas.sessions import Site


class SiteBusiness(msgspec.Struct, frozen=True):
    """A business with its texts."""

    business_id: int
    business_name: str
    legal_terms: str | None
    legal_privacy: str | None
    media_map: dict[str, Any]
    locale_props: dict[str, Any]

    @property
    def terms_hash(self) -> bytes | None:
        """Return what tells one wording of the texts from another; None for a business without texts."""
        texts = [self.legal_terms, self.legal_privacy]
        return hashlib.sha256(msgspec.json.encode(texts)).digest() if any(texts) else None


async def business_of(db: Db, account_id: int, business_id: int | None) -> SiteBusiness | None:
    """Return the business that is named, else the only one; None in an account without businesses.

    Refuses (422) an unknown business, and no name where there are several.
    """
    matches = await _matches(db, account_id, business_id)
    if business_id is not None and not matches:
        raise no_business()
    if len(matches) > 1:
        raise BadParameters([("business_id", "is required: the account has several businesses")])
    return matches[0] if matches else None


async def own_page_business(db: Db, account_id: int, business_id: int | None) -> SiteBusiness | None:
    """Return the business for a login at our own pages: the one that is named, else the only one.

    None where there are several, or where the one that is named was deleted: such a login is for the account.
    """
    matches = await _matches(db, account_id, business_id)
    return matches[0] if len(matches) == 1 else None


async def _matches(db: Db, account_id: int, business_id: int | None) -> list[SiteBusiness]:
    """Return the business that is named, or at most two of the account."""
    rows = await db.rows(
        """
        select business_id, business_name, legal_terms, legal_privacy, media_map, locale_props
        from businesses where account_id = $1 and ($2::bigint is null or business_id = $2)
        order by business_id limit 2
        """,
        account_id,
        business_id,
    )
    return [SiteBusiness(**row) for row in rows]


async def site(db: Db, account_id: int, business_id: int | None) -> Site:
    """Return what a site shows before its fans log in."""
    business = await business_of(db, account_id, business_id)
    if business is None:
        return Site(None, None, None, None)
    header, picture = business.locale_props.get("header_text"), business.media_map.get("logo")
    return Site(
        business.legal_terms,
        business.legal_privacy,
        header if isinstance(header, str) else business.business_name,
        picture if isinstance(picture, str) else None,
    )
