"""Reads what happens at the gates of an event: who came in, how many a minute, who was refused and why.

A scan is of the event that it names by its key or, without a key, by day and name. Check-ins that gates made online are
no scans; they count beside these.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db, Heavy, Record
from fanfare.kernel.data.paging import Page
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unknown
from fanfare.kernel.wire import MAX_ID, unix
from fanfare.registrations.schemas.gates import (
    Arrivals,
    EventGates,
    EventScan,
    EventScanMeta,
    EventScanQuery,
    GateFigures,
    LastHour,
    Refusals,
)

# The gate_name of a scan, as in online check-ins.
GATE = "coalesce(s.node_name, s.zone_name, s.site_name)"
# Values of access_mode that mean leaving, in lower case and without punctuation.
EXIT_MODES = frozenset({"exit", "out", "checkout", "checkedout", "scanout", "egress", "leave", "left", "departure"})
MINUTE, HOUR = 60, timedelta(hours=1)
# Entries a minute are those of the last five.
RECENT = timedelta(minutes=5)
# Lengths of a bar of arrivals, in seconds, and how many bars there are at most.
LENGTHS, MAX_BARS = (60, 300, 900, 3600, 6 * 3600, 24 * 3600), 96
IS_EXIT = r"coalesce(regexp_replace(fold_text(s.access_mode), '[\W_]', '', 'g') = any(:exit_modes), false)"
# The scans of an event; one of the two by whether it has a key.
BY_KEY = "s.event_key = :event_key"
BY_DAY = """s.event_key is null and s.event_date = :event_date
    and fold_text(s.event_name) = fold_text(:event_name)"""
HIT = f"""s.scanned_at, s.is_success, s.refusal, {IS_EXIT} as is_exit, {GATE} as gate_name,
    coalesce(s.registration_key, s.barcode, s.pass_uid::text, s.ticket_order_key, s.scan_key::text) as holder"""
HITS = f"""
    select {HIT} from scans s where s.account_id = $1 and {BY_KEY}
    union all
    select {HIT} from scans s where s.account_id = $1 and {BY_DAY}
"""  # noqa: S608 - fixed parts
ONLINE = """
    select p.checked_in_at, true, null, false, p.gate_name, p.pass_uid::text
    from passes p
    where p.account_id = $1 and p.event_key = :event_key and p.checked_in_at is not null and p.scan_key is null
"""
GATES = """gates as (
        select gate_name, count(*) filter (where is_success and not is_exit) as entry_count,
               count(*) filter (where not is_success) as refusal_count,
               count(*) filter (where is_success and not is_exit and scanned_at > :recent_at) as recent_count,
               floor(extract(epoch from max(scanned_at)))::bigint as last_scan_timestamp
        from hits group by gate_name
    )"""
ARRIVALS = """arrivals as (
        select floor(extract(epoch from scanned_at) / :seconds::integer)::bigint * :seconds as timestamp,
               count(*) as entry_count
        from hits where is_success and not is_exit and scanned_at >= :first_at group by 1
    )"""
# The first and the last of each source, of scans from their index by time. Check-ins without a scan have none: it would
# make each check-in write to all indexes of passes.
ENDS = f"""
    (select s.scanned_at as hit_at from scans s where s.account_id = $1 and {BY_KEY}
     order by s.scanned_at {{order}} limit 1)
    union all
    (select s.scanned_at from scans s where s.account_id = $1 and {BY_DAY} order by s.scanned_at {{order}} limit 1)
    union all
    (select p.checked_in_at from passes p
     where p.account_id = $1 and p.event_key = :event_key and p.checked_in_at is not null and p.scan_key is null
     order by p.checked_in_at {{order}} limit 1)
"""  # noqa: S608 - fixed parts
SPAN = Sql(f"""
    select (select min(hit_at) from ({ENDS.format(order="asc")}) as first_hits) as first_at,
           (select max(hit_at) from ({ENDS.format(order="desc")}) as last_hits) as last_at
""")  # noqa: S608 - fixed parts
LAST = Sql(f"select max(hit_at) from ({ENDS.format(order='desc')}) as last_hits")  # noqa: S608 - fixed parts
# The last hour alone, so that an event of many days costs no more than its last hour.
LIVE = Sql(f"""
    with hits as materialized (
        select {HIT} from scans s where s.account_id = $1 and {BY_KEY} and s.scanned_at >= :first_at
        union all
        select {HIT} from scans s where s.account_id = $1 and {BY_DAY} and s.scanned_at >= :first_at
        union all
        {ONLINE} and p.checked_in_at >= :first_at
    ),
    {GATES},
    {ARRIVALS}
    select (select coalesce(jsonb_agg(g order by g.gate_name), '[]') from gates g) as gates,
           (select coalesce(jsonb_agg(a order by a.timestamp), '[]') from arrivals a) as arrivals
""")  # noqa: S608 - fixed parts
FIGURES = Sql(
    Heavy(f"""
    with hits as materialized ({HITS} union all {ONLINE}),
    {GATES},
    {ARRIVALS},
    refusals as (select refusal, count(*) as scan_count from hits where not is_success group by refusal)
    select count(distinct holder) filter (where is_success and not is_exit) as admitted_count,
           count(*) filter (where is_success and not is_exit) - count(*) filter (where is_success and is_exit)
               as inside_count,
           count(*) as scan_count, count(*) filter (where not is_success) as refusal_count,
           (select coalesce(jsonb_agg(g order by g.gate_name), '[]') from gates g) as gates,
           (select coalesce(jsonb_agg(a order by a.timestamp), '[]') from arrivals a) as arrivals,
           (select coalesce(jsonb_agg(r order by r.scan_count desc, r.refusal), '[]') from refusals r) as refusals
    from hits
""")  # noqa: S608 - fixed parts
)
# How many wristbands, tickets and passes of each event were let in.
ADMITTED = Sql(
    Heavy(f"""
    with hits as (
        select e.event_uid,
               coalesce(s.registration_key, s.barcode, s.pass_uid::text, s.ticket_order_key, s.scan_key::text) as holder
        from ticket_events e
        join scans s on s.account_id = $1 and s.event_key = e.event_key
        where e.account_id = $1 and e.event_uid = any(:event_uids::uuid[]) and s.is_success and not {IS_EXIT}
        union all
        select e.event_uid,
               coalesce(s.registration_key, s.barcode, s.pass_uid::text, s.ticket_order_key, s.scan_key::text)
        from ticket_events e
        join scans s on s.account_id = $1 and s.event_key is null and s.event_date = e.event_date
             and fold_text(s.event_name) = fold_text(e.event_name)
        where e.account_id = $1 and e.event_uid = any(:event_uids::uuid[]) and s.is_success and not {IS_EXIT}
        union all
        select e.event_uid, p.pass_uid::text
        from ticket_events e
        join passes p on p.account_id = $1 and p.event_key = e.event_key
        where e.account_id = $1 and e.event_uid = any(:event_uids::uuid[]) and p.checked_in_at is not null
          and p.scan_key is null
    )
    select event_uid, count(distinct holder) as admitted_count from hits group by event_uid
""")  # noqa: S608 - fixed parts
)
ENTRY = f"""s.scan_key, s.scanned_at, {GATE} as gate_name, s.access_mode, s.is_success, s.refusal, s.pass_uid,
    coalesce(s.pass_code, s.barcode, s.registration_key, s.ticket_order_key) as code"""
PART = f"""s.scan_key <= :bound and s.scan_key < :max_scan_key
    and (:gate_name::text is null or {GATE} = :gate_name)
    order by s.scan_key desc limit :limit"""
ENTRIES = f"""
    with page as (
        (select {ENTRY} from scans s where s.account_id = $1 and {BY_KEY} and {{state}} and {PART})
        union all
        (select {ENTRY} from scans s where s.account_id = $1 and {BY_DAY} and {{state}} and {PART})
        order by scan_key desc limit :limit
    )
    select s.scan_key, floor(extract(epoch from s.scanned_at))::bigint as scan_timestamp, s.gate_name, s.access_mode,
           s.is_success, s.refusal, s.code, coalesce(p.claim_fan_id, p.fan_id) as fan_id,
           floor(extract(epoch from p.checked_in_at))::bigint as check_in_timestamp,
           p.gate_name as check_in_gate_name
    from page s
    left join passes p on p.account_id = $1 and p.pass_uid = s.pass_uid
    order by s.scan_key desc
"""  # noqa: S608 - fixed parts
SCANS = Sql(ENTRIES.format(state="true"))
# Refusals are few, and have an index of their own.
REFUSED = Sql(ENTRIES.format(state="not s.is_success"))
EVENT = "select event_key, event_date, event_name from ticket_events where account_id = $1 and event_uid = $2"


async def event_gates(db: Db, account_id: int, event_uid: uuid.UUID, now: datetime) -> EventGates:
    """Return what happens at the gates of an event; Unknown (404)."""
    names = dict(await _event(db, account_id, event_uid))
    span = await db.row(SPAN, account_id, **names)
    if span is None or span["last_at"] is None:
        return EventGates(0, 0, 0, 0, 0, None, is_live=False, seconds=MINUTE, arrivals=[], gates=[], refusals=[])
    is_live = now - span["last_at"] <= HOUR
    first_at, seconds = (_minute(now - HOUR), MINUTE) if is_live else (span["first_at"], _length(span))
    recent_at = now - RECENT if is_live else datetime.max.replace(tzinfo=UTC)
    names |= {"exit_modes": list(EXIT_MODES), "recent_at": recent_at, "first_at": first_at}
    row = await db.row(FIGURES, account_id, **names, seconds=seconds)
    return _figures(row, unix(span["last_at"]), seconds, is_live=is_live)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _length(span: Record) -> int:
    """Return the length of a bar for which there are not too many."""
    duration = (span["last_at"] - span["first_at"]).total_seconds()
    return next((length for length in LENGTHS if duration / length <= MAX_BARS), LENGTHS[-1])


def _figures(row: Any, last_scan_timestamp: int, seconds: int, *, is_live: bool) -> EventGates:  # noqa: ANN401 - a row
    gates = _gates(row)
    return EventGates(
        row["admitted_count"],
        max(row["inside_count"], 0),
        row["scan_count"],
        row["refusal_count"],
        sum(gate.entries_a_minute for gate in gates),
        last_scan_timestamp,
        is_live=is_live,
        seconds=seconds,
        arrivals=[Arrivals(**each) for each in row["arrivals"]],
        gates=gates,
        refusals=[Refusals(**each) for each in row["refusals"]],
    )


def _gates(row: Any) -> list[GateFigures]:  # noqa: ANN401 - a row
    minutes = RECENT.total_seconds() / MINUTE
    return [
        GateFigures(
            each["gate_name"],
            each["entry_count"],
            each["refusal_count"],
            each["recent_count"] / minutes,
            each["last_scan_timestamp"],
        )
        for each in row["gates"]
    ]


async def last_hour(db: Db, account_id: int, event_uid: uuid.UUID, now: datetime) -> LastHour:
    """Return what happened at the gates of an event in the last hour; Unknown (404)."""
    names = dict(await _event(db, account_id, event_uid))
    last_at = await db.value(LAST, account_id, **names)
    if last_at is None or now - last_at > HOUR:
        return LastHour(0, unix(last_at) if last_at else None, is_live=False, arrivals=[], gates=[])
    names |= {"exit_modes": list(EXIT_MODES), "first_at": _minute(now - HOUR), "recent_at": now - RECENT}
    row: Any = await db.row(LIVE, account_id, **names, seconds=MINUTE)
    gates, arrivals = _gates(row), [Arrivals(**each) for each in row["arrivals"]]
    rate = sum(gate.entries_a_minute for gate in gates)
    return LastHour(rate, unix(last_at), is_live=True, arrivals=arrivals, gates=gates)


async def admitted_counts(db: Db, account_id: int, event_uids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return how many were let in to each of these events; events without a scan are left out."""
    rows = await db.rows(ADMITTED, account_id, event_uids=event_uids, exit_modes=list(EXIT_MODES))
    return {row["event_uid"]: row["admitted_count"] for row in rows}


async def event_scans(db: Db, account_id: int, query: EventScanQuery) -> Page[EventScanMeta, EventScan]:
    """Return a page of the scans of an event, the last stored first; Unknown (404) event."""
    rows = await db.rows(
        REFUSED if query.is_refused else SCANS,
        account_id,
        **dict(await _event(db, account_id, query.event_uid)),
        bound=await settled(db, account_id),
        max_scan_key=query.max_scan_key or MAX_ID,
        gate_name=query.gate_name,
        limit=query.limit + 1,
    )
    data = read_rows(EventScan, rows[: query.limit])
    return Page(EventScanMeta(data[-1].scan_key if data else None, has_more=len(rows) > query.limit), data)


async def _event(db: Db, account_id: int, event_uid: uuid.UUID) -> Record:
    event = await db.row(EVENT, account_id, event_uid)
    if event is None:
        raise Unknown(event=event_uid)
    return event
