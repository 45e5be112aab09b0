"""The demo's draws: one that took place, with a winner replaced, and one that waits."""

from datetime import datetime

from fanfare.draws.actions.draws import complete_draw, create_draw
from fanfare.draws.actions.replacing import replace_winner
from fanfare.draws.schemas import DrawStart, NewDraw, Strike
from fanfare.kernel.data.db import Db

# The last sweepstakes with entries, one that is open if there is any.
SWEEPSTAKES = """
    select c.page_tab_id from campaigns c
    where c.account_id = $1 and c.app_type = 'sweepstakes'
      and exists (select from activities a where a.account_id = $1 and a.page_tab_id = c.page_tab_id)
    order by c.closed_at is not null, c.page_tab_id desc
    limit 1
"""


async def make_draws(db: Db, account_id: int, now: datetime) -> None:
    """Draw three winners of a sweepstakes, replace one, and create a draw of another prize."""
    page_tab_id = await db.value(SWEEPSTAKES, account_id)
    if page_tab_id is None:
        return
    shirts = NewDraw(page_tab_id=page_tab_id, winner_count=3, reserve_count=2, draw_name="Signed shirts")
    created = await create_draw(db, account_id, shirts, now)
    draw = await complete_draw(db, account_id, DrawStart(draw_uid=created.draw_uid), now)
    if draw.entrant_count and draw.entrant_count > 1:
        strike = Strike(draw_uid=created.draw_uid, winner_number=1, reason="Did not answer within seven days")
        await replace_winner(db, account_id, strike, now)
    seats = NewDraw(
        page_tab_id=page_tab_id, winner_count=1, draw_name="Two seats in the box", public_source="Lottery of Saturday"
    )
    await create_draw(db, account_id, seats, now)
