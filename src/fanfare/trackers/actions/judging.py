"""Judges clicks again when the rules or the published lists have changed, and moves them in the figures."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.jobs import enqueue
from fanfare.kernel.running.threads import run_in_thread
from fanfare.trackers.actions.click_days import count_clicks
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


async def judge_again(db: Db, account_id: int, _: datetime) -> None:
    """Judge all clicks of an account by the present rules if others judged them; sales are then attributed again."""
    await data_centres.refresh()
    version = rules_version()
    row = await db.row("select rules_version, judged_to from tracker_settings where account_id = $1", account_id)
    if row and row["rules_version"] == version and row["judged_to"] is None:
        return
    place = row["judged_to"] if row and row["rules_version"] == version else None
    has_changed = False
    while place != 0:
        async with db.transaction() as tx:
            rows = await tx.rows(CLICKS, account_id, place or 2**62, CHUNK)
            has_changed |= await _judge(tx, account_id, rows, version)
            place = rows[-1]["click_id"] if len(rows) == CHUNK else 0
            await _note(tx, account_id, version, place or None)
            if not place and has_changed:
                await enqueue(tx, ATTRIBUTE_JOB, key=str(account_id))


async def _note(tx: Db, account_id: int, version: str, place: int | None) -> None:
    sql = """
        insert into tracker_settings (account_id, rules_version, judged_to) values ($1, $2, $3)
        on conflict (account_id) do update
        set rules_version = excluded.rules_version, judged_to = excluded.judged_to
    """
    await tx.execute(sql, account_id, version, place)


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
