"""Strikes winners with a reason and draws replacements: who comes next in the order of the draw."""

from datetime import datetime

from fanfare.draws.actions.draws import DrawWithdrawn, lock_draws
from fanfare.draws.schemas import Replacement, Strike
from fanfare.draws.topics import DRAW_STRUCK, DRAW_WON
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Conflict, Unknown

DRAW = """
    select draw_id, draw_uid, page_tab_id, draw_state from draws
    where account_id = $1 and draw_uid = $2 for no key update
"""
TARGET = """
    select w.draw_place, w.activity_id, w.fan_id,
           exists (select from draw_winners s
                   where s.account_id = $1 and s.draw_id = $2 and s.winner_kind = 'strike' and s.target_number = $3)
               as is_struck
    from draw_winners w
    where w.account_id = $1 and w.draw_id = $2 and w.winner_number = $3 and w.winner_kind in ('winner', 'replacement')
"""
# Who comes next, in order: who still is a fan, and has not won in this draw. An entry's fan may have been merged since.
NEXT = """
    select e.draw_place, e.activity_id, f.fan_id,
           f.fan_id is not null and not exists (
               select from draw_winners w
               where w.account_id = $1 and w.draw_id = $2 and w.fan_id = f.fan_id
                 and w.winner_kind in ('winner', 'replacement')) as can_win
    from draw_entrants e
    join activities a on a.account_id = $1 and a.activity_id = e.activity_id
    left join fans f on f.account_id = $1 and f.fan_id = a.fan_id
    where e.account_id = $1 and e.draw_id = $2 and e.draw_place > (
        select max(draw_place) from draw_winners
        where account_id = $1 and draw_id = $2 and winner_kind in ('winner', 'replacement', 'pass'))
    order by e.draw_place
    limit 1
"""
ADD = """
    insert into draw_winners (account_id, draw_id, winner_number, winner_kind, draw_place, activity_id, fan_id,
                              target_number, reason, created_at)
    select $1, :draw_id, (select max(winner_number) + 1 from draw_winners where account_id = $1 and draw_id = :draw_id),
           :winner_kind, :draw_place, :activity_id, :fan_id, :target_number, :reason, :now
    from hold
    returning winner_number, fan_id, :draw_uid::uuid as draw_uid, :page_tab_id::bigint as page_tab_id
"""
ADD_STRIKE = Sql(f"""
    with {HOLD}, added as ({ADD}),
    announced as ({announce(DRAW_STRUCK, "added", at=":now")})
    select winner_number from added
""")  # noqa: S608 - fixed parts
ADD_REPLACEMENT = Sql(f"""
    with {HOLD}, added as ({ADD}),
    announced as ({announce(DRAW_WON, "added", at=":now")})
    select winner_number from added
""")  # noqa: S608 - fixed parts
ADD_PASS = Sql(f"with {HOLD}, added as ({ADD}) select winner_number from added")  # noqa: S608 - fixed parts
# Why an entrant is passed over: the fan was erased, or won by another entry of a fan merged since.
ERASED, WON = "erased", "has won"


class NoWinner(Conflict):
    """The draw has no winner of this number, or no longer"""


async def replace_winner(db: Db, account_id: int, strike: Strike, now: datetime) -> Replacement:
    """Strike a winner and let the next of the order follow; nothing is ever removed.

    Unknown (404) draw; refuses (409) a number that is no winner (any more), and a draw that did not take place.
    """
    async with db.transaction() as tx:
        await lock_draws(tx, account_id)
        draw = await tx.row(DRAW, account_id, strike.draw_uid)
        if draw is None:
            raise Unknown(draw=strike.draw_uid)
        if draw["draw_state"] == "withdrawn":
            raise DrawWithdrawn
        target = await tx.row(TARGET, account_id, draw["draw_id"], strike.winner_number)
        if target is None or target["is_struck"]:
            raise NoWinner
        steps = _Steps(tx, account_id, draw, strike, now)
        strike_number = await steps.add(ADD_STRIKE, "strike", target, strike.reason)
        return await steps.replacement(strike_number)


class _Steps:
    """Adds steps to a draw, in the transaction of a strike."""

    def __init__(self, tx: Db, account_id: int, draw: Record, strike: Strike, now: datetime) -> None:
        self.tx, self.account_id, self.draw, self.strike, self.now = tx, account_id, draw, strike, now

    async def add(self, statement: Sql, kind: str, entrant: Record, reason: str | None) -> int:
        """Add a step and return its number."""
        number: int = await self.tx.value(
            statement,
            self.account_id,
            **{name: self.draw[name] for name in ("draw_id", "draw_uid", "page_tab_id")},
            **{name: entrant[name] for name in ("draw_place", "activity_id", "fan_id")},
            winner_kind=kind,
            target_number=self.strike.winner_number,
            reason=reason,
            now=self.now,
        )
        return number

    async def replacement(self, strike_number: int) -> Replacement:
        """Pass over whoever cannot win, and add the first who can."""
        while entrant := await self.tx.row(NEXT, self.account_id, self.draw["draw_id"]):
            if entrant["can_win"]:
                number = await self.add(ADD_REPLACEMENT, "replacement", entrant, None)
                return Replacement(strike_number, number, entrant["fan_id"])
            await self.add(ADD_PASS, "pass", entrant, WON if entrant["fan_id"] else ERASED)
        return Replacement(strike_number, None, None)
