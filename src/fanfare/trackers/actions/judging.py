"""Judges clicks again when the rules or the published lists have changed, and moves them in the figures."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.jobs import enqueue
from fanfare.kernel.running.threads import run_in_thread
from fanfare.trackers.actions.click_days import count_clicks
from fanfare.trackers.actions.day_locks import lock_clicks
from fanfare.trackers.actions.settings import ATTRIBUTE_JOB
from fanfare.trackers.verdicts.networks import data_centres
from fanfare.trackers.verdicts.rules import (
    DATA_CENTRE,
    HUMAN,
    NO_AGENT,
    REPEATED,
    Signals,
    Verdict,
    judge,
    rules_version,
)

CHUNK = 1000
# Clicks whose user agent was deleted are not judged again.
# Servers read new lists at their next click, at most a minute later: clicks stored meanwhile have the former version.
LATER_CLICKS = """
    select click_id, method, purpose, user_agent, ip_address, is_repeated, verdict, reason
    from tracker_clicks
    where account_id = $1 and click_id > $2 and click_id <= $3 and rules_version <> $4
    order by click_id limit $5
    for update
"""
CLICKS = """
    select click_id, method, purpose, user_agent, ip_address, is_repeated, verdict, reason
    from tracker_clicks
    where account_id = $1 and click_id < $2
    order by click_id desc limit $3
    for update
"""
MOVE = f"""
    with judged as materialized (
        select * from unnest($2::bigint[], $3::text[], $4::text[]) as j (click_id, verdict, reason)
    ),
    former as materialized (
        select c.click_id, c.tracker_id, c.verdict as old_verdict, j.verdict, j.reason,
               (c.clicked_at at time zone a.time_zone)::date as figure_date
        from judged j
        join tracker_clicks c on c.account_id = $1 and c.click_id = j.click_id
        join accounts a on a.account_id = $1
    ),
    updated as (
        update tracker_clicks c
        set verdict = f.verdict, reason = f.reason, rules_version = $5
        from former f
        where c.account_id = $1 and c.click_id = f.click_id
    ),
    steps as (
        select m.tracker_id, m.figure_date, m.verdict, m.step
        from (select tracker_id, figure_date, old_verdict as verdict, -1 as step from former
              where verdict <> old_verdict
              union all
              select tracker_id, figure_date, verdict, 1 from former where verdict <> old_verdict) as m
        join trackers t on t.account_id = $1 and t.tracker_id = m.tracker_id
    )
    {count_clicks("steps", "verdict", "step")}
"""  # noqa: S608 - fixed parts


STATE = "select rules_version, judged_to, judged_click_id from tracker_settings where account_id = $1"
NOTE = """
    insert into tracker_settings as s (account_id, rules_version, judged_to, judged_click_id, is_attribution_due)
    values ($1, $2, $3, $4, $5)
    on conflict (account_id) do update
    set rules_version = excluded.rules_version, judged_to = excluded.judged_to,
        judged_click_id = greatest(s.judged_click_id, excluded.judged_click_id),
        is_attribution_due = s.is_attribution_due or excluded.is_attribution_due
"""
TAKE_DUE = """
    update tracker_settings set is_attribution_due = false where account_id = $1 and is_attribution_due returning true
"""


async def judge_again(db: Db, account_id: int, _: datetime) -> None:
    """Judge an account's clicks by the present rules, all or the later ones that were not; then attribute sales again.

    Each part notes how far it came, and whether a verdict changed, in its transaction.
    """
    await data_centres.refresh()
    version, end = rules_version(), await settled(db, account_id)
    row = await db.row(STATE, account_id)
    if row is None or row["rules_version"] != version or row["judged_to"] is not None:
        place = row["judged_to"] if row and row["rules_version"] == version else None
        await _judge_all(db, account_id, version, place or end + 1)
        # Clicks after those that this pass began with.
        row = await db.row(STATE, account_id)
    if row:
        await _judge_later(db, account_id, version, row["judged_click_id"], end)
    async with db.transaction() as tx:
        if await tx.value(TAKE_DUE, account_id):
            await enqueue(tx, ATTRIBUTE_JOB, key=str(account_id))


async def _judge_all(db: Db, account_id: int, version: str, place: int) -> None:
    """Judge the clicks before a position, from the last one down to the first."""
    while place:
        async with db.transaction() as tx:
            await lock_clicks(tx, account_id)
            rows = await tx.rows(CLICKS, account_id, place, CHUNK)
            has_changed = await _judge(tx, account_id, rows, version)
            last_id = rows[0]["click_id"] if rows else 0
            place = rows[-1]["click_id"] if len(rows) == CHUNK else 0
            await tx.execute(NOTE, account_id, version, place or None, last_id, has_changed)


async def _judge_later(db: Db, account_id: int, version: str, after_id: int, end: int) -> None:
    """Judge those clicks after one that another version of the rules judged."""
    is_last = False
    while not is_last:
        async with db.transaction() as tx:
            await lock_clicks(tx, account_id)
            rows = await tx.rows(LATER_CLICKS, account_id, after_id, end, version, CHUNK)
            has_changed = await _judge(tx, account_id, rows, version)
            is_last = len(rows) < CHUNK
            after_id = end if is_last else rows[-1]["click_id"]
            await tx.execute(NOTE, account_id, version, None, after_id, has_changed)


async def _judge(tx: Db, account_id: int, rows: Sequence[Record], version: str) -> bool:
    verdicts = await run_in_thread(lambda: [_verdict(row) for row in rows])
    changed_rows = [
        (row["click_id"], verdict)
        for row, verdict in zip(rows, verdicts, strict=True)
        if (row["verdict"], row["reason"]) != (verdict.verdict, verdict.reason)
    ]
    if changed_rows:
        ids, results = [click_id for click_id, _ in changed_rows], [verdict for _, verdict in changed_rows]
        columns = [each.verdict for each in results], [each.reason for each in results]
        await tx.execute(MOVE, account_id, ids, *columns, version)
    return bool(changed_rows)


def _verdict(row: Record) -> Verdict:
    former = Verdict(row["verdict"], row["reason"])
    if row["user_agent"] is None and row["reason"] != NO_AGENT:
        # It was deleted with the person's data, or because it is old.
        return former
    verdict = judge(Signals(row["method"], row["purpose"], row["user_agent"], row["ip_address"]))
    if verdict.verdict == HUMAN and row["verdict"] == DATA_CENTRE and row["ip_address"] is None:
        return former
    return Verdict(REPEATED, "clicked again") if verdict.verdict == HUMAN and row["is_repeated"] else verdict
