"""Checks that campaigns, businesses and fans exist, so that an unknown id is an error and not an empty result."""

from collections.abc import Sequence

from fanfare.fans.queries.merges import successors
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Unknown

NO_FAN = "is not a fan of this account"


async def check_campaign(db: Db, account_id: int, page_tab_id: int) -> None:
    """Raise Unknown (404) if the campaign does not exist."""
    exists = "select true from campaigns where account_id = $1 and page_tab_id = $2"
    if not await db.value(exists, account_id, page_tab_id):
        raise Unknown(campaign=page_tab_id)


async def check_campaign_field(db: Db, account_id: int, page_tab_id: int | None) -> None:
    """Refuse (422) a campaign that is named in vain by what is not about it."""
    exists = "select true from campaigns where account_id = $1 and page_tab_id = $2"
    if page_tab_id is not None and not await db.value(exists, account_id, page_tab_id):
        raise BadParameters([("page_tab_id", "is not a campaign of this account")])


async def check_business(db: Db, account_id: int, business_id: int | None) -> None:
    """Raise BadParameters (422) if the business does not exist."""
    exists = "select true from businesses where account_id = $1 and business_id = $2"
    if business_id is not None and not await db.value(exists, account_id, business_id):
        raise no_business()


def no_business() -> BadParameters:
    """Return the error of an unknown business_id."""
    return BadParameters([("business_id", "is not a business of this account")])


async def check_members(db: Db, account_id: int, page_tab_ids: Sequence[int]) -> None:
    """Raise BadParameters (422) if a campaign does not exist."""
    statement = "select count(*) from campaigns where account_id = $1 and page_tab_id = any($2::bigint[])"
    if page_tab_ids and await db.value(statement, account_id, list(page_tab_ids)) < len(set(page_tab_ids)):
        raise no_members()


def no_members() -> BadParameters:
    """Return the error of unknown page_tab_ids."""
    return BadParameters([("page_tab_ids", "must be campaigns of this account")])


async def check_fan_ids(db: Db, account_id: int, **fan_ids: int | None) -> None:
    """Raise BadParameters (422) for a field whose fan does not exist; ids of merged fans are valid."""
    for field, fan_id in fan_ids.items():
        if fan_id is None:
            continue
        current = await successors(db, account_id, [fan_id])
        if not await has_fan(db, account_id, current.get(fan_id, fan_id)):
            raise BadParameters([(field, NO_FAN)])


async def has_fan(db: Db, account_id: int, fan_id: int) -> bool:
    """Return whether a fan exists; locks the row against erasure until the transaction ends."""
    exists = "select true from fans where account_id = $1 and fan_id = $2 for key share"
    return bool(await db.value(exists, account_id, fan_id))
