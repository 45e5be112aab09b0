"""Ownership of identifiers: email addresses, phone numbers and external keys.

`fan_identifiers` has the owner of each, `shared_identifiers` the other fans who sent it. A shared number resolves to
its owner; an external key that two fans sent resolves to nobody (`contact.is_unambiguous_sql`). When the owner releases
an identifier, the first fan who shares it becomes its owner.
"""

from collections.abc import Collection
from datetime import datetime

from fanfare.fans.topics import FAN_IDENTIFIED
from fanfare.kernel.data.announcements import announce
from fanfare.kernel.data.db import WRITE_ATTEMPTS, Db, Record
from fanfare.kernel.errors import Unavailable

Identity = tuple[str, str]

# CTEs that store external keys, from the CTE `keys` (network, identifier_value, fan_id, place): the first fan becomes
# the owner of a key without one, the others share it. `new_owners` returns the new owners; `:now` is the current time.
CLAIM_KEYS = """
    new_owners as (
        insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select distinct on (network, identifier_value) $1, network, identifier_value, fan_id, :now
        from keys order by network, identifier_value, place
        on conflict (account_id, network, identifier_value) do nothing
        returning network, identifier_value, fan_id
    ),
    share_keys as (
        insert into shared_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select distinct $1::bigint, c.network, c.identifier_value, c.fan_id, :now::timestamptz
        from keys c
        left join lateral (
            select fan_id from fan_identifiers
            where account_id = $1 and network = c.network and identifier_value = c.identifier_value limit 1) i on true
        left join new_owners o on o.network = c.network and o.identifier_value = c.identifier_value
        where coalesce(i.fan_id, o.fan_id) is distinct from c.fan_id
        on conflict (account_id, network, identifier_value, fan_id) do nothing
    )
"""


async def claim(db: Db, account_id: int, identity: Identity, fan_id: int, now: datetime) -> int:
    """Make a fan the owner of an identity, or let the fan share it when it has an owner; return the owner's fan_id.

    An email address is never shared: the caller rejects it, or removes it from the fan. Runs in the caller's
    transaction; the row stays locked, so that the owner cannot release it before that ends.
    """
    for _ in range(WRITE_ATTEMPTS):
        await db.execute(
            """
            insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)
            values ($1, $2, $3, $4, $5)
            on conflict (account_id, network, identifier_value) do nothing
            """,
            account_id,
            *identity,
            fan_id,
            now,
        )
        owner: int | None = await db.value(
            "select fan_id from fan_identifiers where account_id = $1 and network = $2 and identifier_value = $3"
            " for key share",
            account_id,
            *identity,
        )
        if owner is not None:
            if owner != fan_id and identity[0] != "email":
                await _share(db, account_id, identity, fan_id, now)
            return owner
    raise Unavailable


async def _share(db: Db, account_id: int, identity: Identity, fan_id: int, now: datetime) -> None:
    await db.execute(
        """
        insert into shared_identifiers (account_id, network, identifier_value, fan_id, created_at)
        values ($1, $2, $3, $4, $5)
        on conflict (account_id, network, identifier_value, fan_id) do nothing
        """,
        account_id,
        *identity,
        fan_id,
        now,
    )


async def release(db: Db, account_id: int, fan_id: int, identities: Collection[Identity], now: datetime) -> bool:
    """Remove identities from a fan and pass on those it owned; return whether the fan owned or shared any.

    Runs in the caller's transaction.
    """
    rows = await remove(db, account_id, fan_id, identities)
    pairs = [(row["network"], row["identifier_value"]) for row in rows if row["is_owned"]]
    await transfer_identities(db, account_id, pairs, now)
    return bool(rows)


async def remove(db: Db, account_id: int, fan_id: int, identities: Collection[Identity]) -> list[Record]:
    """Remove identities from a fan and return those that the fan owned or shared; part of the caller's transaction.

    Shared rows are deleted too: else a fan could inherit an identity from itself, which it shared before a merge made
    it the owner.
    """
    return await db.rows(
        """
        with removed as materialized (
            select * from unnest($3::text[], $4::text[]) as g (network, identifier_value)
        ),
        delete_shared as (
            delete from shared_identifiers s using removed
            where s.account_id = $1 and s.fan_id = $2
              and s.network = removed.network and s.identifier_value = removed.identifier_value
            returning s.network, s.identifier_value
        ),
        delete_owned as (
            delete from fan_identifiers i using removed
            where i.account_id = $1 and i.fan_id = $2
              and i.network = removed.network and i.identifier_value = removed.identifier_value
            returning i.network, i.identifier_value
        )
        select network, identifier_value, true as is_owned from delete_owned
        union all
        select network, identifier_value, false from delete_shared
        """,
        account_id,
        fan_id,
        [network for network, _ in identities],
        [value for _, value in identities],
    )


async def owned_since(db: Db, account_id: int, fan_id: int) -> dict[Identity, datetime]:
    """Return the identities that a fan owns, and since when."""
    rows = await db.rows(
        "select network, identifier_value, created_at from fan_identifiers where account_id = $1 and fan_id = $2",
        account_id,
        fan_id,
    )
    return {(row["network"], row["identifier_value"]): row["created_at"] for row in rows}


async def transfer_identities(db: Db, account_id: int, identities: Collection[Identity], now: datetime) -> None:
    """Make the first fan who shares each identity, and still has it, its owner.

    Runs in the caller's transaction, which has locked a position. No fan is missed: a transaction that shares an
    identity locks its row, so either that committed before the owner's row was deleted, or the other transaction sees
    that there is no owner and inserts one.
    """
    if not identities:
        return
    arguments = (account_id, [network for network, _ in identities], [value for _, value in identities])
    # Lock first: the next statement checks whether a fan still has a number, which must not change meanwhile.
    heirs = await db.rows(HEIRS, *arguments)
    if heirs:
        await db.execute(TRANSFER, *arguments, now)


HEIRS = """
    select f.fan_id
    from unnest($2::text[], $3::text[]) as released (network, identifier_value)
    join shared_identifiers s on s.account_id = $1 and s.network = released.network
        and s.identifier_value = released.identifier_value
    join fans f on f.account_id = $1 and f.fan_id = s.fan_id
    order by f.fan_id
    for no key update of f
"""
TRANSFER = f"""
    with inserted as (
        insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select distinct on (s.network, s.identifier_value) $1, s.network, s.identifier_value, s.fan_id, s.created_at
        from unnest($2::text[], $3::text[]) as released (network, identifier_value)
        join shared_identifiers s on s.account_id = $1 and s.network = released.network
            and s.identifier_value = released.identifier_value
        join fans f on f.account_id = $1 and f.fan_id = s.fan_id
        where case s.network when 'phone' then s.identifier_value in (f.phone, f.add_phone)
                             when 'email' then false else true end
        order by s.network, s.identifier_value, s.created_at, s.fan_id
        on conflict (account_id, network, identifier_value) do nothing
        returning network, identifier_value, fan_id
    ),
    delete_shared as (
        delete from shared_identifiers s using inserted
        where s.account_id = $1 and s.network = inserted.network and s.identifier_value = inserted.identifier_value
          and s.fan_id = inserted.fan_id
    )
    {announce(FAN_IDENTIFIED, "inserted", position="nextval('positions')", at="$4")}
"""  # noqa: S608 - fixed parts
