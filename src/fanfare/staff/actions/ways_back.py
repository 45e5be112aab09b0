"""The way back where single sign-on is forced: somebody with the role full who can sign in without the provider."""

from collections.abc import Iterable

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict


class NoWayBack(Conflict):
    """Somebody with the role full needs a password and a second factor first, for the day the provider is down"""


IS_CLOSED = """
    select exists (select from staff_sign_ons o where o.account_id = $1 and o.is_enabled and o.is_forced)
       and not exists (
        select from staff_memberships m join staff p on p.staff_id = m.staff_id
        where m.account_id = $1 and m.role = 'full' and m.business_ids is null and m.staff_id is distinct from $2
          and p.password_hash is not null
          and (p.sealed_totp is not null or exists (select from staff_passkeys k where k.staff_id = p.staff_id)))
"""
# Set-up and changes of people wait for the same rows.
LOCK = """
    select a.account_id from accounts a
    where exists (select from staff_memberships m where m.account_id = a.account_id and m.staff_id = $1
                  and m.role = 'full' and m.business_ids is null)
    order by a.account_id for no key update
"""


async def has_way_back(db: Db, account_id: int, *, without: int | None = None) -> bool:
    """Return whether people could sign in if the provider were down, `without` a person if one is named."""
    return not await db.value(IS_CLOSED, account_id, without)


async def check_way_back(db: Db, account_id: int, *, without: int | None = None) -> None:
    """Raise NoWayBack (409) if the provider alone could let anybody in, `without` a person if one is named."""
    if not await has_way_back(db, account_id, without=without):
        raise NoWayBack


async def lock_full_accounts(db: Db, staff_id: int) -> list[int]:
    """Lock the accounts in which a person has the role full, until the transaction ends."""
    return [row["account_id"] for row in await db.rows(LOCK, staff_id)]


async def check_ways_back(db: Db, account_ids: Iterable[int]) -> None:
    """Raise NoWayBack (409) for the first account that has none any more."""
    for account_id in account_ids:
        await check_way_back(db, account_id)
