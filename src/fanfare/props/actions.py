"""Stores props, increments their counters, and deletes them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fanfare.kernel.clock import system_random
from fanfare.kernel.data.announcements import HOLD, also, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.props import queries
from fanfare.props.schemas import MAX_COUNTERS, NewProp
from fanfare.props.topics import PROP_CREATED, PROP_DELETED, PROP_UPDATED

# Anybody with the public key can create one.
MAX_PROPS = 10_000
# A counter is the sum of so many rows, so that votes of the same moment do not wait for each other's commit.
PARTS = 16


class TooManyProps(Conflict):
    """The account has 10,000 stored values already; delete some first"""


STORE = f"""
    with {HOLD},
    reset as (delete from prop_counts where account_id = $1 and prop_name = $2),
    saved as (
        insert into props (account_id, prop_name, prop_id, content, created_at, updated_at)
        select $1, $2, nextval('positions'), $3, $4, $4 from hold
        on conflict (account_id, prop_name) do update set content = excluded.content, updated_at = excluded.updated_at
        returning prop_name, xmax = 0 as is_new
    )
    {announce(PROP_CREATED, "saved where is_new", at="$4")}
    {also(PROP_UPDATED, "saved where not is_new", at="$4")}
"""  # noqa: S608 - fixed parts
# For the first vote: others that come at the same moment have begun to count.
CREATE = f"""
    with {HOLD},
    saved as (
        insert into props (account_id, prop_name, prop_id, content, created_at, updated_at)
        select $1, $2, nextval('positions'), '{{}}', $3, $3 from hold
        on conflict (account_id, prop_name) do nothing
        returning prop_name
    )
    {announce(PROP_CREATED, "saved", at="$3")}
"""  # noqa: S608 - fixed parts
INCREMENT = f"""
    with {HOLD},
    counted as (
        insert into prop_counts as c (account_id, prop_name, counter_name, part, amount)
        select $1, $2, step.counter_name, $3, step.amount
        from unnest($4::text[], $5::bigint[]) as step (counter_name, amount)
        on conflict (account_id, prop_name, counter_name, part) do update set amount = c.amount + excluded.amount
    )
    {announce(PROP_UPDATED, "(select $2::text as prop_name) as incremented", at="$6")}
"""  # noqa: S608 - fixed parts
DELETE = announced_deletion(
    PROP_DELETED, "delete from props where account_id = $1 and prop_name = $2", returning="prop_name"
)


async def save(db: Db, account_id: int, new: NewProp, now: datetime) -> dict[str, Any]:
    """Store a value, then increment counters, and return what is stored.

    TooManyProps (409) for a new name beyond 10,000; BadParameters (422) for a counter that cannot be incremented.
    """

    async def write(handle: Db) -> dict[str, Any]:
        async with handle.transaction() as tx:
            return await _save(tx, account_id, new, now)

    if new.props is None and not new.increment:
        return await queries.content(db, account_id, new.prop_name)
    # Retries deadlocks: a value that is replaced and counters that are incremented can lock rows in different order.
    return await db.retry_conflicts(write)


async def _save(tx: Db, account_id: int, new: NewProp, now: datetime) -> dict[str, Any]:
    is_new = not await _exists(tx, account_id, new.prop_name)
    if is_new:
        await _refuse_too_many(tx, account_id)
    if is_new and new.props is None:
        await tx.execute(CREATE, account_id, new.prop_name, now)
    elif new.props is not None:
        await tx.execute(STORE, account_id, new.prop_name, new.props, now)
    if new.increment:
        await _increment(tx, account_id, new.prop_name, new.increment, now)
    return await queries.content(tx, account_id, new.prop_name)


async def _exists(tx: Db, account_id: int, prop_name: str) -> bool:
    answer: bool = await tx.value(
        "select exists (select from props where account_id = $1 and prop_name = $2)", account_id, prop_name
    )
    return answer


async def _refuse_too_many(tx: Db, account_id: int) -> None:
    await tx.execute("select pg_advisory_xact_lock($1)", lock_key("props", account_id))
    if await tx.value("select count(*) from props where account_id = $1", account_id) >= MAX_PROPS:
        raise TooManyProps


async def _increment(tx: Db, account_id: int, prop_name: str, steps: Mapping[str, int], now: datetime) -> None:
    names = sorted(steps)
    current = await tx.row(
        """
        select array(select name from unnest($3::text[]) as name
                     where jsonb_typeof(p.content -> name) <> 'number') as members,
               (select count(distinct counter_name) from prop_counts
                where account_id = $1 and prop_name = $2 and counter_name <> all($3)) as other_counters
        from props as p where p.account_id = $1 and p.prop_name = $2
        """,
        account_id,
        prop_name,
        names,
    )
    if current and current["members"]:
        raise BadParameters([("increment", f"{current['members'][0]} is stored and is not a number")])
    if current and current["other_counters"] + len(names) > MAX_COUNTERS:
        raise BadParameters([("increment", f"there can be at most {MAX_COUNTERS} counters under a name")])
    part = system_random().randrange(PARTS)
    await tx.execute(INCREMENT, account_id, prop_name, part, names, [steps[name] for name in names], now)


async def delete(db: Db, account_id: int, prop_name: str, now: datetime) -> None:
    """Delete a stored value with its counters; Unknown (404)."""
    if await db.retry_conflicts(lambda tx: tx.value(DELETE, account_id, prop_name, now)) is None:
        raise Unknown(prop=prop_name)
