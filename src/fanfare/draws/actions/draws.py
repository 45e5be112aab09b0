"""Creates draws and withdraws them, and draws winners: the algorithm of docs/draws.md.

All draws of an account come one after the other, since one may leave out the winners of another.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fanfare.campaigns.queries.checks import check_campaign_field
from fanfare.draws.actions.seeds import new_seed, unsealed, unsealed_if_possible
from fanfare.draws.queries.draws import draw as draw_by_uid
from fanfare.draws.queries.entrants import JUDGED
from fanfare.draws.schemas import Draw, DrawSaved, DrawStart, NewDraw
from fanfare.draws.topics import DRAW_COMPLETED, DRAW_CREATED, DRAW_WITHDRAWN, DRAW_WON
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters, Conflict, Unknown, faults_of

# A million entries take some ten seconds.
MAX_SECONDS = 300
CREATE = Sql(f"""
    with {HOLD},
    saved as (
        insert into draws (account_id, draw_id, draw_uid, page_tab_id, draw_number, draw_name, draw_state, winner_count,
                           reserve_count, entry_rule, starts_at, ends_at, is_staff_excluded, winners_excluded,
                           is_blocked_excluded, public_source, seed_hash, sealed_seed, created_at)
        select $1, nextval('positions'), :draw_uid, :page_tab_id,
               (select coalesce(max(draw_number), 0) + 1 from draws
                where account_id = $1 and page_tab_id = :page_tab_id),
               :draw_name, 'waiting', :winner_count, :reserve_count, :entry_rule, :start_timestamp, :end_timestamp,
               :is_staff_excluded, :winners_excluded, :is_blocked_excluded, :public_source, :seed_hash, :sealed_seed,
               :now
        from hold
        returning draw_id, draw_uid, page_tab_id, encode(seed_hash, 'hex') as seed_hash
    )
    {announce(DRAW_CREATED, "saved", position="draw_id", at=":now")}
""")  # noqa: S608 - fixed parts
LOCK = "select pg_advisory_xact_lock($1)"
WAITING = """
    select draw_id, draw_state, sealed_seed, public_source from draws
    where account_id = $1 and draw_uid = $2 for no key update
"""
# The list in the order of the entries (each line is an entry and the first of the same fan), and the order of the draw:
# by SHA-256 of a key and the entry; of each fan the first entry counts.
DRAW_ORDER = f"""
    with draw as (
        select draw_id, page_tab_id, entry_rule, starts_at, ends_at, is_staff_excluded, winners_excluded,
               is_blocked_excluded
        from draws where account_id = $1 and draw_id = $2
    ),
    {JUDGED},
    list as materialized (
        select e.activity_id, j.first_activity_id
        from draw cross join entries e
        join judged j on j.fan_id = e.fan_id and j.exclusion is null
        where e.is_banned is not true and (draw.entry_rule = 'every_entry' or e.activity_id = j.first_activity_id)
    ),
    list_key as materialized (
        select list_hash, sha256($3::bytea || list_hash || convert_to($4, 'UTF8')) as draw_key
        from (
            select sha256(convert_to(coalesce(string_agg(
                activity_id || ',' || first_activity_id || E'\\n', '' order by activity_id), ''), 'UTF8')) as list_hash
            from list
        ) as hashed
    ),
    best as (
        select distinct on (l.first_activity_id) l.activity_id,
               sha256(k.draw_key || convert_to(l.activity_id::text, 'UTF8')) as score
        from list l cross join list_key k
        order by l.first_activity_id, score
    ),
    places as (
        select activity_id, row_number() over (order by score) as draw_place from best
    ),
    listed as (
        insert into draw_entrants (account_id, draw_id, activity_id, first_activity_id, draw_place)
        select $1, $2, l.activity_id, l.first_activity_id, p.draw_place
        from list l left join places p on p.activity_id = l.activity_id
    )
    update draws d
    set list_hash = list_key.list_hash, entry_count = counts.entry_count, entrant_count = counts.entrant_count,
        excluded_staff_count = counts.excluded_staff_count, excluded_winner_count = counts.excluded_winner_count,
        excluded_blocked_count = counts.excluded_blocked_count
    from counts cross join list_key
    where d.account_id = $1 and d.draw_id = $2
    returning d.entrant_count
"""  # noqa: S608 - fixed parts
COMPLETE = f"""
    with {HOLD},
    completed as (
        update draws set draw_state = 'completed', seed = $3, sealed_seed = null, public_value = $4, completed_at = $5
        where account_id = $1 and draw_id = $2
        returning draw_uid, page_tab_id, encode(seed, 'hex') as seed, encode(list_hash, 'hex') as list_hash,
                  entrant_count, winner_count, reserve_count
    ),
    steps as (
        insert into draw_winners (account_id, draw_id, winner_number, winner_kind, draw_place, activity_id, fan_id,
                                  created_at)
        select $1, $2, e.draw_place, case when e.draw_place <= c.winner_count then 'winner' else 'reserve' end,
               e.draw_place, e.activity_id, a.fan_id, $5
        from completed c
        join draw_entrants e on e.account_id = $1 and e.draw_id = $2
            and e.draw_place <= c.winner_count + c.reserve_count
        join activities a on a.account_id = $1 and a.activity_id = e.activity_id
        returning winner_number, winner_kind, fan_id
    ),
    wins as (
        select c.draw_uid, c.page_tab_id, s.winner_number, s.fan_id
        from completed c cross join steps s where s.winner_kind = 'winner'
    )
    {announce(DRAW_COMPLETED, "completed", at="$5")}
    {also(DRAW_WON, "wins", at="$5")}
"""  # noqa: S608 - fixed parts
WITHDRAW = f"""
    with {HOLD},
    withdrawn as (
        update draws set draw_state = 'withdrawn', seed = $3, sealed_seed = null, completed_at = $4
        where account_id = $1 and draw_id = $2
        returning draw_uid, page_tab_id
    )
    {announce(DRAW_WITHDRAWN, "withdrawn", at="$4")}
"""  # noqa: S608 - fixed parts


class DrawWithdrawn(Conflict):
    """The draw was withdrawn"""


class DrawCompleted(Conflict):
    """The draw took place already"""


class NoEntrants(Conflict):
    """Nobody takes part in this draw yet"""


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors of a draw's campaign, as (name, message)."""
    return await faults_of(check_campaign_field(db, account.id, values.get("page_tab_id")))


async def create_draw(db: Db, account_id: int, new: NewDraw, now: datetime) -> DrawSaved:
    """Create a draw with a new seed, which only its hash shows until the draw. Refuses (422) an unknown campaign."""
    values = {name: getattr(new, name) for name in NewDraw.__struct_fields__}
    seed_hash, sealed_seed = new_seed()
    draw_uid = uuid.uuid4()
    async with db.transaction() as tx:
        await lock_draws(tx, account_id)
        await check_campaign_field(tx, account_id, new.page_tab_id)
        named = {**values, "draw_uid": draw_uid, "seed_hash": seed_hash, "sealed_seed": sealed_seed, "now": now}
        await tx.execute(CREATE, account_id, **named)
    return DrawSaved(draw_uid, seed_hash.hex())


async def lock_draws(tx: Db, account_id: int) -> None:
    """Wait for other draws of the account, which wait for the end of this transaction."""
    await tx.execute(LOCK, lock_key("draws", account_id))


async def complete_draw(db: Db, account_id: int, start: DrawStart, now: datetime) -> Draw:
    """Fix the list, draw winners and reserves, and reveal the seed; a draw that took place is returned as it is.

    Unknown (404); refuses (409) a draw that was withdrawn, without entrants, or with a seed that is lost, and (422) a
    public value that is missing or not asked for.
    """
    async with db.transaction() as tx:
        await tx.allow(MAX_SECONDS)
        await lock_draws(tx, account_id)
        row = await tx.row(WAITING, account_id, start.draw_uid)
        if row is None:
            raise Unknown(draw=start.draw_uid)
        if row["draw_state"] == "withdrawn":
            raise DrawWithdrawn
        if row["draw_state"] == "waiting":
            check_public_value(row["public_source"], start.public_value)
            await _draw(tx, account_id, row["draw_id"], (unsealed(row["sealed_seed"]), start.public_value), now)
        return await draw_by_uid(tx, account_id, start.draw_uid)


def check_public_value(public_source: str | None, public_value: str | None) -> None:
    """Refuse (422) a public value that is missing, or that nothing announced."""
    if public_source and not public_value:
        raise BadParameters([("public_value", "is required")])
    if public_value and not public_source:
        raise BadParameters([("public_value", "was not announced when the draw was created")])


async def _draw(tx: Db, account_id: int, draw_id: int, secrets: tuple[bytes, str | None], now: datetime) -> None:
    """Write the list, its hash, the order and the winners; `secrets` are the seed and the public value."""
    seed, public_value = secrets
    if not await tx.value(DRAW_ORDER, account_id, draw_id, seed, public_value or ""):
        raise NoEntrants
    await tx.execute(COMPLETE, account_id, draw_id, seed, public_value, now)


async def withdraw_draw(db: Db, account_id: int, draw_uid: uuid.UUID, now: datetime) -> Draw:
    """Withdraw a draw that did not take place, and reveal its seed; once more changes nothing.

    Unknown (404); refuses (409) a draw that took place.
    """
    async with db.transaction() as tx:
        await lock_draws(tx, account_id)
        row = await tx.row(WAITING, account_id, draw_uid)
        if row is None:
            raise Unknown(draw=draw_uid)
        if row["draw_state"] == "completed":
            raise DrawCompleted
        if row["draw_state"] == "waiting":
            seed = unsealed_if_possible(row["sealed_seed"])
            await tx.execute(WITHDRAW, account_id, row["draw_id"], seed, now)
        return await draw_by_uid(tx, account_id, draw_uid)
