"""Reads draws and what was decided in them."""

import uuid

from fanfare.draws.schemas import Draw, DrawQuery, DrawWinner, WinnerQuery
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.kernel.errors import Unknown

COLUMNS = """
    d.draw_uid, d.page_tab_id, c.title as campaign_title, d.draw_number, d.draw_name, d.draw_state, d.winner_count,
    d.reserve_count, d.entry_rule, floor(extract(epoch from d.starts_at))::bigint as start_timestamp,
    floor(extract(epoch from d.ends_at))::bigint as end_timestamp, d.is_staff_excluded, d.winners_excluded,
    d.is_blocked_excluded, d.public_source, d.public_value, encode(d.seed_hash, 'hex') as seed_hash,
    encode(d.seed, 'hex') as seed, encode(d.list_hash, 'hex') as list_hash, d.entry_count, d.entrant_count,
    d.excluded_staff_count, d.excluded_winner_count, d.excluded_blocked_count,
    floor(extract(epoch from d.created_at))::bigint as creation_timestamp,
    floor(extract(epoch from d.completed_at))::bigint as completion_timestamp
    from draws d join campaigns c on c.account_id = d.account_id and c.page_tab_id = d.page_tab_id
"""
ONE = f"select {COLUMNS} where d.account_id = $1 and d.draw_uid = $2"
PAGE = f"""
    select d.draw_id as position, {COLUMNS}
    where d.account_id = $1 and d.draw_id > $2 and d.draw_id < $3 and ($4::bigint is null or d.page_tab_id = $4)
    order by d.draw_id desc limit $5
"""
# A step of the draw `d`. A reserve is valid until its place wins or is passed over.
WINNERS = """
    select w.winner_number as position, w.winner_number, w.winner_kind, w.draw_place, w.activity_id, w.fan_id,
           w.target_number, w.reason,
           w.winner_kind in ('winner', 'reserve', 'replacement') and not exists (
               select from draw_winners later
               where later.account_id = w.account_id and later.draw_id = w.draw_id
                 and later.winner_number > w.winner_number
                 and case w.winner_kind when 'reserve' then later.draw_place = w.draw_place
                     else later.winner_kind = 'strike' and later.target_number = w.winner_number end) as is_valid,
           floor(extract(epoch from w.created_at))::bigint as creation_timestamp
    from draws d
    join draw_winners w on w.account_id = d.account_id and w.draw_id = d.draw_id
    where d.account_id = $1 and d.draw_uid = $2 and w.winner_number > $3
    order by w.winner_number
    limit $4
"""


async def draws(db: Db, account_id: int, query: DrawQuery) -> ArrayPage[Draw]:
    """Return a page of the draws, the newest first."""
    cursor = start(query.cursor, "desc")
    low, high = cursor.span(await settled(db, account_id))
    rows = await db.rows(PAGE, account_id, low, high, query.page_tab_id, query.limit + 1)
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(Draw), page.next_page)


async def draw(db: Db, account_id: int, draw_uid: uuid.UUID) -> Draw:
    """Return a draw; Unknown (404)."""
    row = await db.row(ONE, account_id, draw_uid)
    if row is None:
        raise Unknown(draw=draw_uid)
    return Draw(**row)


async def winners(db: Db, account_id: int, query: WinnerQuery) -> ArrayPage[DrawWinner]:
    """Return a page of what was decided in a draw, in order; empty before the draw. Unknown (404)."""
    cursor = start(query.cursor, "asc")
    rows = await db.rows(WINNERS, account_id, query.draw_uid, cursor.position, query.limit + 1)
    if not rows:
        await check_draw(db, account_id, query.draw_uid)
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(DrawWinner), page.next_page)


async def check_draw(db: Db, account_id: int, draw_uid: uuid.UUID) -> None:
    """Raise Unknown (404) if the draw does not exist."""
    exists = "select exists (select from draws where account_id = $1 and draw_uid = $2)"
    if not await db.value(exists, account_id, draw_uid):
        raise Unknown(draw=draw_uid)
