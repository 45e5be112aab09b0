"""Stores clicks, many in one statement: those that arrive while a statement runs share the next one.

A click is answered when the transaction that contains it is committed. Statements of an account run one after the other
in a process, so that its counters are locked once for many clicks.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg
import msgspec

from fanfare.fans.queries.merges import successors
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import OUTAGES, Db, Record
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unavailable
from fanfare.kernel.running.tasks import start_task
from fanfare.trackers.actions.click_days import count_clicks
from fanfare.trackers.followers import CLICK_FOLLOWERS
from fanfare.trackers.topics import TRACKER_CLICKED
from fanfare.trackers.verdicts.rules import HUMAN

# Clicks of a statement, and those that wait for one: beyond that, visitors are asked to come again.
MAX_BATCH, MAX_WAITING = 256, 10_000
# One browser, or one fan, that clicks again within this time does not count again.
REPEAT_SPAN = timedelta(seconds=30)
# Clicks from one address with one user agent, of browsers without a cookie: a double tap. Longer, and the many people
# behind one address of a stadium would be lost.
DOUBLE_SPAN = timedelta(seconds=1)
# Of the clicks of a tracker, how many of the last are looked through for double taps.
DOUBLE_ROWS = 50


class Click(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A click to store. `version` is that of the tracker as it was found, `is_returning` whether it had a cookie."""

    tracker_id: int
    version: int
    clicked_at: datetime
    visitor_uid: str
    is_returning: bool
    fan_id: int | None = None
    verdict: str
    reason: str
    rules_version: str
    method: str
    purpose: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    url_param_props: Mapping[str, str] | None = None


class StoredClick(msgspec.Struct, frozen=True):
    """A click that is stored."""

    click_id: int
    verdict: str


STORE = Sql(f"""
    with {HOLD},
    input as materialized (
        select i.*, i.place = any(:repeated_places::bigint[]) as is_repeated
        from rows from (json_to_recordset(:clicks::json) as (
            tracker_id bigint, version integer, clicked_at timestamptz, visitor_uid uuid, is_returning boolean,
            fan_id bigint, verdict text, reason text, rules_version text, method text, purpose text, ip_address text,
            user_agent text, url_param_props jsonb)) with ordinality as i (
            tracker_id, version, clicked_at, visitor_uid, is_returning, fan_id, verdict, reason, rules_version, method,
            purpose, ip_address, user_agent, url_param_props, place)
    ),
    recent as materialized (
        select r.tracker_id, r.ip_address, r.user_agent, r.clicked_at
        from (select distinct tracker_id from input where verdict = '{HUMAN}') as i
        cross join lateral (
            select c.tracker_id, c.ip_address, c.user_agent, c.clicked_at, c.verdict
            from tracker_clicks c
            where c.account_id = $1 and c.tracker_id = i.tracker_id
            order by c.click_id desc limit {DOUBLE_ROWS}) as r
        where r.verdict = '{HUMAN}'
    ),
    judged as materialized (
        select i.*, (i.clicked_at at time zone a.time_zone)::date as figure_date,
            i.is_repeated or i.verdict = '{HUMAN}' and (
                i.is_returning and exists (
                    select from tracker_clicks c
                    where c.account_id = $1 and c.visitor_uid = i.visitor_uid and c.tracker_id = i.tracker_id
                      and c.verdict = '{HUMAN}' and c.clicked_at > i.clicked_at - interval '{REPEAT_SPAN.seconds} s')
                or i.fan_id is not null and exists (
                    select from tracker_clicks c
                    where c.account_id = $1 and c.fan_id = i.fan_id and c.tracker_id = i.tracker_id
                      and c.verdict = '{HUMAN}' and c.clicked_at > i.clicked_at - interval '{REPEAT_SPAN.seconds} s')
                or not i.is_returning and i.fan_id is null and exists (
                    select from recent r
                    where r.tracker_id = i.tracker_id and r.ip_address = i.ip_address and r.user_agent = i.user_agent
                      and r.clicked_at > i.clicked_at - interval '{DOUBLE_SPAN.seconds} s')
            ) as repeats
        from input i
        join accounts a on a.account_id = $1
        join trackers t on t.account_id = $1 and t.tracker_id = i.tracker_id and t.version = i.version
        where t.host = '' or exists (
            select from tracker_domains d
            where d.account_id = $1 and d.host = t.host and d.confirmed_at is not null)
    ),
    numbered as materialized (
        select nextval('positions') as click_id, j.*,
               case when j.repeats then 'repeated' else j.verdict end as final_verdict,
               case when j.repeats then 'clicked again' else j.reason end as final_reason
        from hold cross join judged j
    ),
    saved as (
        insert into tracker_clicks (
            account_id, click_id, tracker_id, clicked_at, visitor_uid, fan_id, verdict, reason, is_repeated,
            rules_version, method, purpose, ip_address, user_agent, url_param_props)
        select $1, click_id, tracker_id, clicked_at, visitor_uid, fan_id, final_verdict, final_reason, repeats,
               rules_version, method, purpose, ip_address, user_agent, url_param_props
        from numbered
    ),
    counted as (
        {count_clicks("numbered", "final_verdict", "1")}
    ),
    announced as (
        {
    announce(
        TRACKER_CLICKED,
        f"numbered where final_verdict = '{HUMAN}' and fan_id is not null",
        position="click_id",
        at="clicked_at",
    )
}
    )
    select place, click_id, final_verdict as verdict, fan_id, tracker_id from numbered
""")  # noqa: S608 - fixed parts
LOCK_FANS = """
    select fan_id from fans where account_id = $1 and fan_id = any($2::bigint[]) order by fan_id for key share
"""
Answer = asyncio.Future[StoredClick | None]


class _Queue:
    """The clicks of an account that wait, and whether a task stores them."""

    __slots__ = ("is_running", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[tuple[Click, Answer]] = deque()
        self.is_running = False


class ClickWriter:
    """The clicks of a process that wait to be stored."""

    def __init__(self) -> None:
        self._queues: dict[tuple[int, bool], _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def store(self, db: Db, account_id: int, click: Click) -> StoredClick | None:
        """Store a click and return it when it is committed; None if the tracker is no longer as it was found."""
        # Clicks of fans apart: what follows from them, and may fail, is in their transaction.
        place = account_id, click.fan_id is not None
        queue = self._queues.setdefault(place, _Queue())
        if len(queue.waiting) >= MAX_WAITING:
            message = "too many clicks at once; try again shortly"
            raise Unavailable(message)
        answer: Answer = asyncio.get_running_loop().create_future()
        queue.waiting.append((click, answer))
        if not queue.is_running:
            queue.is_running = True
            task = start_task(self._drain(db.for_account(account_id), account_id, place), "clicks of an account")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _drain(self, db: Db, account_id: int, place: tuple[int, bool]) -> None:
        queue = self._queues[place]
        batch: list[tuple[Click, Answer]] = []
        try:
            while queue.waiting:
                batch = [queue.waiting.popleft() for _ in range(min(MAX_BATCH, len(queue.waiting)))]
                await self._write(db, account_id, batch)
        finally:
            # Nobody waits, unless the task was cancelled.
            _refuse([*batch, *queue.waiting], Unavailable())
            del self._queues[place]

    async def _write(self, db: Db, account_id: int, batch: Sequence[tuple[Click, Answer]]) -> None:
        """Store clicks and answer those who wait; if that fails, store each half by itself."""
        try:
            results = await store_clicks(db, account_id, [click for click, _ in batch])
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            if len(batch) == 1 or isinstance(error, OUTAGES):
                _refuse(batch, error)
                return
            middle = len(batch) // 2
            await self._write(db, account_id, batch[:middle])
            await self._write(db, account_id, batch[middle:])
            return
        for (_, answer), result in zip(batch, results, strict=True):
            # Whoever went away in the meantime has clicked all the same.
            if not answer.done():
                answer.set_result(result)


def _refuse(clicks: Iterable[tuple[Click, Answer]], error: Exception) -> None:
    for _, answer in clicks:
        if not answer.done():
            answer.set_exception(error)


async def store_clicks(db: Db, account_id: int, clicks: Sequence[Click]) -> list[StoredClick | None]:
    """Store clicks in one transaction and return them in order; None for one whose tracker is not as it was found."""
    try:
        rows = await db.retry_conflicts(lambda tx: _store(tx, account_id, clicks))
    except asyncpg.ForeignKeyViolationError:
        # A tracker was deleted since the statement began, and is not there for the next one.
        rows = await db.retry_conflicts(lambda tx: _store(tx, account_id, clicks))
    results: list[StoredClick | None] = [None] * len(clicks)
    for row in rows:
        results[row["place"] - 1] = StoredClick(row["click_id"], row["verdict"])
    return results


async def _store(db: Db, account_id: int, clicks: Sequence[Click]) -> list[Record]:
    fan_ids = sorted({click.fan_id for click in clicks if click.fan_id})
    if not fan_ids:
        return await db.rows(STORE, account_id, clicks=clicks, repeated_places=_repeated(clicks))
    async with db.transaction() as tx:
        current_ids = {**{each: each for each in fan_ids}, **await successors(tx, account_id, fan_ids)}
        rows = await tx.rows(LOCK_FANS, account_id, sorted(current_ids.values()))
        present = {row["fan_id"] for row in rows}
        current_ids = {former_id: fan_id for former_id, fan_id in current_ids.items() if fan_id in present}
        current = [
            msgspec.structs.replace(click, fan_id=current_ids.get(click.fan_id or 0)) if click.fan_id else click
            for click in clicks
        ]
        saved = await tx.rows(STORE, account_id, clicks=current, repeated_places=_repeated(current))
        for row in saved:
            if row["fan_id"] is not None and row["verdict"] == HUMAN:
                await _follow(tx, account_id, row, clicks[row["place"] - 1].clicked_at)
    return saved


async def _follow(tx: Db, account_id: int, row: Record, now: datetime) -> None:
    for follower in CLICK_FOLLOWERS.get():
        await follower(tx, account_id, row["fan_id"], row["tracker_id"], row["click_id"], now)


def _repeated(clicks: Sequence[Click]) -> list[int]:
    """Return the places, from 1, of clicks that repeat an earlier one of the batch, by the rule of the statement."""
    counted_at: dict[tuple[object, ...], datetime] = {}
    places = []
    for place, click in enumerate(clicks, 1):
        if click.verdict != HUMAN:
            continue
        spans: list[tuple[tuple[object, ...], timedelta]] = [((click.tracker_id, click.visitor_uid), REPEAT_SPAN)]
        if click.fan_id:
            spans.append(((click.tracker_id, click.fan_id), REPEAT_SPAN))
        elif not click.is_returning and click.ip_address and click.user_agent:
            spans.append(((click.tracker_id, click.ip_address, click.user_agent), DOUBLE_SPAN))
        if any(key in counted_at and click.clicked_at - counted_at[key] < span for key, span in spans):
            places.append(place)
        else:
            counted_at.update({key: click.clicked_at for key, _ in spans})
    return places
