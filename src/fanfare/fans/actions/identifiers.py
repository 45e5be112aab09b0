"""External identities of fans, push tokens, and IP addresses that are banned or allowed."""

import ipaddress
from datetime import datetime

import asyncpg

from fanfare.fans.actions.claims import release
from fanfare.fans.contact import is_unambiguous_sql
from fanfare.fans.schemas.attributes import AddressEntry, IdentifierChange, OnePushToken, PushToken
from fanfare.fans.topics import (
    ADDRESS_CREATED,
    ADDRESS_DELETED,
    ADDRESS_UPDATED,
    FAN_IDENTIFIED,
    FAN_UNIDENTIFIED,
    PUSH_TOKEN_CREATED,
    PUSH_TOKEN_DELETED,
    PUSH_TOKEN_UPDATED,
)
from fanfare.kernel.callers import Caller
from fanfare.kernel.data.announcements import HOLD, also, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Conflict, Forbidden, Unknown
from fanfare.kernel.folding import fold

WHOLE_ACCOUNT = 0


class IdentityTaken(Conflict):
    """Another fan has this identity"""


ADD_IDENTIFIER = f"""
    with fan as (select fan_id from fans where account_id = $1 and fan_id = $2),
    {HOLD},
    saved as (
        insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select $1, fold_text($3), $4, fan_id, $5 from fan
        where not exists (
            select from fan_identifiers i
            where i.account_id = $1 and i.network = fold_text($3) and i.identifier_value = $4 and i.fan_id = $2)
        returning fan_id
    ),
    announced as (
        {announce(FAN_IDENTIFIED, "saved", at="$5", network="fold_text($3)")}
    )
    select fan_id from fan
"""  # noqa: S608 - fixed parts


async def add_identifier(db: Db, account_id: int, change: IdentifierChange, now: datetime) -> None:
    """Add an external identity to a fan; no change if the fan has it. IdentityTaken (409) if another fan has it."""
    try:
        exists = await db.value(
            ADD_IDENTIFIER,
            account_id,
            change.fan_id,
            change.network,
            change.identifier_value,
            now,
        )
    except asyncpg.UniqueViolationError:
        raise IdentityTaken from None
    if exists is None:
        raise Unknown(fan=change.fan_id)


REMOVE_IDENTIFIER = f"""
    with {HOLD}
    {announce(FAN_UNIDENTIFIED, "(select) as one", subject="$2::bigint", fan="$2", at="$3", network="$4::text")}
"""


async def remove_identifier(db: Db, account_id: int, change: IdentifierChange, now: datetime) -> None:
    """Remove an external identity of a fan; the first other fan who shares it becomes its owner."""
    network = fold(change.network)

    async def write(outer: Db) -> None:
        async with outer.transaction() as tx:
            await tx.execute(
                REMOVE_IDENTIFIER,
                account_id,
                change.fan_id,
                now,
                network,
            )
            if not await release(tx, account_id, change.fan_id, [(network, change.identifier_value)], now):
                message = "The fan does not have this identifier"
                raise Unknown(message)

    await db.retry_conflicts(write)


SAVE_PUSH_TOKEN = f"""
    with {HOLD},
    -- locked, so that a concurrent erasure waits and then deletes this token too
    owner as materialized (
        select f.fan_id from fan_identifiers i join fans f on f.account_id = $1 and f.fan_id = i.fan_id
        where i.account_id = $1 and i.network = 'yinzcam' and i.identifier_value = $2 and {is_unambiguous_sql("i")}
        for key share of f
    ),
    saved as (
        insert into push_tokens as p (
            account_id, user_key, push_token, device_network, created_at, updated_at, device_hash)
        select $1, $2, $3, $4, $5::timestamptz, $5, $6 from (select count(*) from owner) as locked
        on conflict (account_id, device_hash) do update
        set user_key = excluded.user_key, push_token = excluded.push_token, device_network = excluded.device_network,
            updated_at = excluded.updated_at
        where (p.user_key, p.push_token, p.device_network)
            <> (excluded.user_key, excluded.push_token, excluded.device_network)
        returning xmax = 0 as is_new
    ),
    rows as (select saved.is_new, owner.fan_id from saved left join owner on true)
    {announce(PUSH_TOKEN_CREATED, "rows where is_new", subject="coalesce(fan_id::text, '')", at="$5")}
    {also(PUSH_TOKEN_UPDATED, "rows where not is_new", subject="coalesce(fan_id::text, '')", at="$5")}
"""  # noqa: S608 - fixed parts


async def save_push_token(db: Db, account_id: int, params: PushToken, now: datetime) -> None:
    """Store the push token of an app user; the fan is the owner of the user key in the network yinzcam.

    A device has one user: whoever logs in there takes it over.
    """
    await db.execute(
        SAVE_PUSH_TOKEN,
        account_id,
        params.user_key,
        params.push_token,
        params.device_network,
        now,
        params.device_hash,
    )


DELETE_PUSH_TOKEN = f"""
    with {HOLD},
    deleted as (delete from push_tokens where account_id = $1 and device_hash = $2 returning user_key),
    rows as (
        select i.fan_id from deleted left join fan_identifiers i
            on i.account_id = $1 and i.network = 'yinzcam' and i.identifier_value = deleted.user_key
            and {is_unambiguous_sql("i")}
    ),
    announced as (
        {announce(PUSH_TOKEN_DELETED, "rows", subject="coalesce(fan_id::text, '')", at="$3")}
    )
    select true from deleted
"""  # noqa: S608 - fixed parts


async def delete_push_token(db: Db, account_id: int, target: OnePushToken, now: datetime) -> None:
    """Delete the push token of a device, as when its user logs out; Unknown (404)."""
    if not await db.value(DELETE_PUSH_TOKEN, account_id, target.device_hash, now):
        message = "The account has no such push token"
        raise Unknown(message)


SAVE_ADDRESS = f"""
    with {HOLD},
    saved as (
        insert into ip_addresses as a (account_id, page_tab_id, ip_address, is_blocked, created_at)
        values ($1, $2, $3, $4, $5)
        on conflict (account_id, page_tab_id, ip_address) do update set is_blocked = excluded.is_blocked
        where a.is_blocked <> excluded.is_blocked
        returning page_tab_id, xmax = 0 as is_new
    )
    {announce(ADDRESS_CREATED, "saved where is_new", at="$5")}
    {also(ADDRESS_UPDATED, "saved where not is_new", at="$5")}
"""  # noqa: S608 - fixed parts


async def save_address(db: Db, account_id: int, change: AddressEntry, now: datetime) -> None:
    """Ban or allow an IP address or range, for the account or for one campaign."""
    if change.page_tab_id is not None and not await db.value(
        "select true from campaigns where account_id = $1 and page_tab_id = $2", account_id, change.page_tab_id
    ):
        raise Unknown(campaign=change.page_tab_id)
    await db.execute(
        SAVE_ADDRESS,
        account_id,
        change.page_tab_id or WHOLE_ACCOUNT,
        change.ip_address,
        change.is_blocked,
        now,
    )


DELETE_ADDRESS = announced_deletion(
    ADDRESS_DELETED,
    """
    delete from ip_addresses
    where account_id = $1 and page_tab_id = $2 and ip_address = $3 and is_blocked = $4
    """,
    returning="page_tab_id",
    at="$5",
)


async def delete_address(db: Db, account_id: int, change: AddressEntry, now: datetime) -> None:
    """Delete the entry of an IP address or range; Unknown (404) if there is none with the same `is_blocked`."""
    deleted = await db.value(
        DELETE_ADDRESS,
        account_id,
        change.page_tab_id or WHOLE_ACCOUNT,
        change.ip_address,
        change.is_blocked,
        now,
    )
    if deleted is None:
        message = "The list has no such entry"
        raise Unknown(message)


class AddressBlocked(Forbidden):
    """The IP address is banned"""


async def refuse_blocked(db: Db, account_id: int, page_tab_id: int | None, caller: Caller) -> None:
    """Raise AddressBlocked (403) for a banned IP address, unless the call was authenticated with the secret."""
    if not caller.has_secret and await is_blocked(db, account_id, page_tab_id, caller.address):
        raise AddressBlocked


async def is_blocked(db: Db, account_id: int, page_tab_id: int | None, address: str | None) -> bool:
    """Return whether an IP address is banned; the campaign's entries take precedence, then the narrowest range."""
    if address is None:
        return False
    exists = await db.value(
        """
        select is_blocked from ip_addresses
        where account_id = $1 and page_tab_id in ($2, $3) and ip_address >>= $4::inet
        order by page_tab_id = $3, masklen(ip_address) desc
        limit 1
        """,
        account_id,
        page_tab_id or WHOLE_ACCOUNT,
        WHOLE_ACCOUNT,
        ipaddress.ip_address(address),
    )
    return bool(exists)
