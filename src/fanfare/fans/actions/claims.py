"""Whose an address, a number or an outside key is, who else came with it, and who has it when its fan lets go of it.

`fan_identifiers` says whose, `shared_identifiers` who else. A number that is shared leads to its owner; an outside key
that two people came with leads to nobody (`contact.leads_to_one`).
"""

from collections.abc import Collection
from datetime import datetime

from fanfare.fans.topics import FAN_IDENTIFIED
from fanfare.kernel.data.announcements import announce
from fanfare.kernel.data.db import RACES, Db
from fanfare.kernel.errors import Unavailable

Identity = tuple[str, str]

# From the CTE `came` (network, identifier_value, fan_id, place), whoever came with an outside key: the first has it,
# unless somebody has it already. `customers` are the fans who have one since; `:now` is the moment.
CUSTOMERS = """
    customers as (
        insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select distinct on (network, identifier_value) $1, network, identifier_value, fan_id, :now
        from came order by network, identifier_value, place
        on conflict (account_id, network, identifier_value) do nothing
        returning network, identifier_value, fan_id
    ),
    others as (
        insert into shared_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select distinct $1::bigint, c.network, c.identifier_value, c.fan_id, :now::timestamptz
        from came c
        left join lateral (
            select fan_id from fan_identifiers
            where account_id = $1 and network = c.network and identifier_value = c.identifier_value limit 1) i on true
        left join customers m on m.network = c.network and m.identifier_value = c.identifier_value
        where coalesce(i.fan_id, m.fan_id) is distinct from c.fan_id
        on conflict (account_id, network, identifier_value, fan_id) do nothing
    )
"""


async def claim(db: Db, account_id: int, identity: Identity, fan_id: int, now: datetime) -> int:
    """Note an identity for a fan unless somebody has it, then that the fan shares it; return whose it is.

    An email address is never shared: the caller refuses it, or takes it from the fan. Part of the caller's transaction.
    The owner cannot let go of it before that ends.
    """
    for _ in range(RACES):
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
    """Take identities from a fan and hand on those it owned; return whether it had or shared any.

    What the fan shared goes too: else it would be its own heir to what it shared before a merge made it the owner.
    Part of the caller's transaction.
    """
    rows = await db.rows(
        """
        with gone as materialized (
            select * from unnest($3::text[], $4::text[]) as g (network, identifier_value)
        ),
        unshared as (
            delete from shared_identifiers s using gone
            where s.account_id = $1 and s.fan_id = $2
              and s.network = gone.network and s.identifier_value = gone.identifier_value
            returning s.network, s.identifier_value
        ),
        unowned as (
            delete from fan_identifiers i using gone
            where i.account_id = $1 and i.fan_id = $2
              and i.network = gone.network and i.identifier_value = gone.identifier_value
            returning i.network, i.identifier_value
        )
        select network, identifier_value, true as is_owned from unowned
        union all
        select network, identifier_value, false from unshared
        """,
        account_id,
        fan_id,
        [network for network, _ in identities],
        [value for _, value in identities],
    )
    pairs = [(row["network"], row["identifier_value"]) for row in rows if row["is_owned"]]
    await hand_on(db, account_id, pairs, now)
    return bool(rows)


async def owned_identities(db: Db, account_id: int, fan_id: int) -> list[Identity]:
    """Return the identities of a fan."""
    rows = await db.rows(
        "select network, identifier_value from fan_identifiers where account_id = $1 and fan_id = $2",
        account_id,
        fan_id,
    )
    return [(row["network"], row["identifier_value"]) for row in rows]


async def hand_on(db: Db, account_id: int, identities: Collection[Identity], now: datetime) -> None:
    """Give identities that nobody has any more to the first fan who came with each and still has it.

    Part of the caller's transaction, which holds a position. Who came with one held its row: that was before it went,
    or else who came sees that it is gone and takes it.
    """
    if not identities:
        return
    arguments = (account_id, [network for network, _ in identities], [value for _, value in identities])
    # Locked first: whether a fan still has a number is asked when nobody else can take it away.
    heirs = await db.rows(HEIRS, *arguments)
    if heirs:
        await db.execute(HAND_ON, *arguments, now)


HEIRS = """
    select f.fan_id
    from unnest($2::text[], $3::text[]) as free (network, identifier_value)
    join shared_identifiers s on s.account_id = $1 and s.network = free.network
        and s.identifier_value = free.identifier_value
    join fans f on f.account_id = $1 and f.fan_id = s.fan_id
    order by f.fan_id
    for no key update of f
"""
HAND_ON = f"""
    with made as (
        insert into fan_identifiers (account_id, network, identifier_value, fan_id, created_at)
        select distinct on (s.network, s.identifier_value) $1, s.network, s.identifier_value, s.fan_id, s.created_at
        from unnest($2::text[], $3::text[]) as free (network, identifier_value)
        join shared_identifiers s on s.account_id = $1 and s.network = free.network
            and s.identifier_value = free.identifier_value
        join fans f on f.account_id = $1 and f.fan_id = s.fan_id
        where case s.network when 'phone' then s.identifier_value in (f.phone, f.add_phone)
                             when 'email' then false else true end
        order by s.network, s.identifier_value, s.created_at, s.fan_id
        on conflict (account_id, network, identifier_value) do nothing
        returning network, identifier_value, fan_id
    ),
    alone as (
        delete from shared_identifiers s using made
        where s.account_id = $1 and s.network = made.network and s.identifier_value = made.identifier_value
          and s.fan_id = made.fan_id
    )
    {announce(FAN_IDENTIFIED, "made", position="nextval('positions')", at="$4")}
"""  # noqa: S608 - fixed parts
