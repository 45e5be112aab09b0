"""HTTP endpoints of draws."""

from datetime import datetime

from fanfare.draws.actions import draws as actions
from fanfare.draws.actions import replacing
from fanfare.draws.queries import draws as queries
from fanfare.draws.queries import entrants
from fanfare.draws.schemas import (
    Draw,
    DrawQuery,
    DrawSaved,
    DrawStart,
    DrawWinner,
    Entrant,
    EntrantCounts,
    EntrantQuery,
    NewDraw,
    OneDraw,
    Replacement,
    Strike,
    WinnerQuery,
)
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/manage/draws", scope="manage", key=SECRET)
async def manage_draws_list(db: Db, account: Account, query: DrawQuery) -> ArrayPage[Draw]:
    """List the draws of winners, newest first, optionally of one campaign."""
    return await queries.draws(db, account.id, query)


@endpoint.post("/api/v1/manage/draws", scope="manage", key=SECRET, references=actions.references)
async def manage_draws_create(db: Db, account: Account, new: NewDraw, now: datetime) -> DrawSaved:
    """Create a draw among the entries of a campaign, with its conditions.

    Its seed is chosen now. The answer has the seed's hash, to be published before the draw; the seed is shown after it.
    """
    return await actions.create_draw(db, account.id, new, now)


@endpoint.get("/api/v1/manage/draws/{draw_uid}", scope="manage", key=SECRET)
async def manage_draws_get(db: Db, account: Account, target: OneDraw) -> Draw:
    """Return a draw; after it took place with the seed and the hash of its list."""
    return await queries.draw(db, account.id, target.draw_uid)


@endpoint.get("/api/v1/manage/draws/{draw_uid}/preview", scope="manage", key=SECRET)
async def manage_draws_preview(db: Db, account: Account, target: OneDraw) -> EntrantCounts:
    """Count who would be on the list of a draw if it took place now, and who would be left out and why."""
    return await entrants.entrant_counts(db, account.id, target.draw_uid)


@endpoint.post("/api/v1/manage/draws/{draw_uid}/complete", scope="manage", key=SECRET)
async def manage_draws_complete(db: Db, account: Account, start: DrawStart, now: datetime) -> Draw:
    """Draw the winners: fix the list, draw from it, reveal the seed. A draw takes place once; repeated, it is returned.

    409 when it was withdrawn or nobody takes part. Anybody can replay it from seed and list.
    """
    return await actions.complete_draw(db, account.id, start, now)


@endpoint.post("/api/v1/manage/draws/{draw_uid}/withdraw", scope="manage", key=SECRET)
async def manage_draws_withdraw(db: Db, account: Account, target: OneDraw, now: datetime) -> Draw:
    """Withdraw a draw that did not take place; its seed is revealed, and it stays in the list. 409 after the draw."""
    return await actions.withdraw_draw(db, account.id, target.draw_uid, now)


@endpoint.get("/api/v1/manage/draws/{draw_uid}/entrants", scope="manage", key=SECRET)
async def manage_draws_entrants(db: Db, account: Account, query: EntrantQuery) -> ArrayPage[Entrant]:
    """List the entries that took part, in order. The hash is over the lines `activity_id,first_activity_id`.

    Send the header X-Next-Cursor back as `cursor` to continue.
    """
    return await entrants.entrants(db, account.id, query)


@endpoint.get("/api/v1/manage/draws/{draw_uid}/winners", scope="manage", key=SECRET)
async def manage_draws_winners(db: Db, account: Account, query: WinnerQuery) -> ArrayPage[DrawWinner]:
    """List what was decided in a draw, in order: winners and reserves, then strikes, replacements and passes."""
    return await queries.winners(db, account.id, query)


@endpoint.post("/api/v1/manage/draws/{draw_uid}/replace", scope="manage", key=SECRET)
async def manage_draws_replace(db: Db, account: Account, strike: Strike, now: datetime) -> Replacement:
    """Strike a winner, with a reason, and let the next in the order of the draw follow. Nothing is removed.

    409 when no winner has this number, or not any more. Entrants who were erased or have won already are passed over.
    """
    return await replacing.replace_winner(db, account.id, strike, now)
