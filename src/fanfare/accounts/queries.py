"""Reads accounts, keys and businesses."""

from fanfare.accounts.schemas import AccountInfo, Business, KeyInfo
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.lists import bounded, list_rows
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import unix

BUSINESS = """
    select business_id, account_id, business_name, legal_rules, legal_terms, legal_privacy,
           media_map, scheduler_props, locale_props, style_props,
           floor(extract(epoch from created_at))::bigint as creation_timestamp
    from businesses
    where account_id = $1
"""
ONLY_BUSINESS = f"{BUSINESS} and ($2::bigint is null or business_id = $2) limit 2"
BUSINESSES = bounded(f"{BUSINESS} order by business_id")


async def account_by_id(db: Db, account_id: int) -> Account:
    """Return the account; raises Unknown."""
    row = await db.row(
        "select account_id, account_name, time_zone, country_code, currency from accounts where account_id = $1",
        account_id,
    )
    if row is None:
        raise Unknown(account=account_id)
    return Account(row["account_id"], row["account_name"], row["time_zone"], row["country_code"], row["currency"])


async def account_ids(db: Db) -> list[int]:
    """Return the ids of all accounts, for work that processes them one by one."""
    return [row["account_id"] for row in await db.rows("select account_id from accounts order by account_id")]


async def accounts(db: Db) -> list[AccountInfo]:
    """Return all accounts, oldest first."""
    rows = await db.rows(
        """
        select a.account_id, a.account_name, a.time_zone, a.country_code,
               floor(extract(epoch from a.created_at))::bigint as creation_timestamp,
               (select count(*) from api_keys k where k.account_id = a.account_id and k.revoked_at is null
                  and k.session_id is null) as key_count
        from accounts a
        order by a.account_id
        """
    )
    return [AccountInfo(**row) for row in rows]


async def keys(db: Db, account_id: int) -> list[KeyInfo]:
    """Return the keys of an account, oldest first, including revoked ones. Raises Unknown without such an account."""
    rows = await db.rows(
        """
        select k.api_key, k.key_name, k.scopes, k.rate_limit, k.created_at, k.revoked_at,
               coalesce(array_agg(s.secret_prefix order by s.created_at) filter (where s.secret_prefix is not null),
                        '{}') as secret_prefixes
        from api_keys k
        left join api_secrets s on s.account_id = k.account_id and s.api_key = k.api_key
        where k.account_id = $1 and k.session_id is null
        group by k.account_id, k.api_key
        order by k.created_at, k.api_key
        """,
        account_id,
    )
    if not rows:
        # Every account is created with a key, and only those of the console are deleted.
        raise Unknown(account=account_id)
    return [
        KeyInfo(
            row["api_key"],
            row["key_name"],
            row["scopes"],
            row["rate_limit"],
            row["secret_prefixes"],
            unix(row["created_at"]),
            unix(row["revoked_at"]) if row["revoked_at"] else None,
        )
        for row in rows
    ]


async def businesses(db: Db, account_id: int) -> list[Business]:
    """Return the businesses of an account, oldest first; refuses (413) a list that is too long."""
    return [Business(**row) for row in list_rows(await db.rows(BUSINESSES, account_id))]


async def business(db: Db, account_id: int, business_id: int) -> Business:
    """Return a business; raises Unknown."""
    row = await db.row(f"{BUSINESS} and business_id = $2", account_id, business_id)
    if row is None:
        raise Unknown(business=business_id)
    return Business(**row)


async def only_business(db: Db, account_id: int, business_id: int | None) -> Business | None:
    """Return the business with an id, or without one the only business; None if there is none, or several."""
    rows = await db.rows(ONLY_BUSINESS, account_id, business_id)
    return Business(**rows[0]) if len(rows) == 1 else None
