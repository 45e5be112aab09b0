"""Stores scans in bulk, each once, and checks in the passes that were not used before."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fanfare.campaigns.actions.quests import first_lock, progress, settle
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.lines import LineFault, WrongLine, check_lines, line_fault, unstorable_line, write_lines
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.folding import fold
from fanfare.kernel.parameters import RequestContext
from fanfare.kernel.running.long_inputs import run_by_rows
from fanfare.kernel.wire import check_past
from fanfare.registrations.actions.quests import (
    CHECK_IN_QUESTS,
    FOLLOWED,
    HAS_SCAN_QUESTS,
    LOCK_SCANS,
    SCANS,
    follow,
    holders,
)
from fanfare.registrations.actions.refusals import reason
from fanfare.registrations.queries.gates import EXIT_MODES, GATE
from fanfare.registrations.schemas.scans import ScanItem, ScanSaved, ScansSaved
from fanfare.registrations.topics import PASS_CHECKED_IN, SCAN_CREATED

ScanId = tuple[str, str]
FIELD = "scans"

STORE = f"""
    with {HOLD},
    input as materialized (
        select g.* from jsonb_to_recordset($2) as g (
            source_key text, network text, scan_group_name text, scan_timestamp timestamptz, is_success boolean,
            access_mode text, site_name text, site_id text, node_name text, zone_name text, registration_key text,
            ticket_order_key text, barcode text, event_key text, event_name text, event_date date, venue_name text,
            pass_code text, pass_uid uuid, page_tab_id bigint, check_in_key text)
        order by g.network, g.source_key
    ),
    inserted as (
        insert into scans (
            account_id, scan_key, network, source_key, scan_group_name, scanned_at, created_at, is_success, refusal,
            access_mode, site_name, site_id, node_name, zone_name, registration_key, ticket_order_key, barcode,
            event_key, event_name, event_date, venue_name, pass_code, pass_uid, check_in_key)
        select $1, nextval('positions'), g.network, g.source_key, g.scan_group_name, g.scan_timestamp, $3,
               g.is_success and verdict.refusal is null, verdict.refusal,
               g.access_mode, g.site_name, g.site_id, g.node_name, g.zone_name,
               coalesce(g.registration_key, wristband.registration_key), g.ticket_order_key,
               g.barcode, g.event_key, g.event_name, g.event_date, g.venue_name, g.pass_code,
               case when wristband.registration_key is null then pass.pass_uid end, g.check_in_key
        from hold
        cross join input g
        left join lateral (
            select p.pass_uid, p.event_key from passes p
            where p.account_id = $1 and p.pass_code = g.pass_code and (g.pass_uid is null or p.pass_uid = g.pass_uid)
              and (g.page_tab_id is null or p.page_tab_id = g.page_tab_id)
            limit 1) by_code on true
        left join lateral (
            select p.pass_uid, p.event_key from passes p
            where p.account_id = $1 and p.pass_uid = g.pass_uid and g.pass_code is null
              and (g.page_tab_id is null or p.page_tab_id = g.page_tab_id)
            limit 1) by_uid on true
        cross join lateral (
            select exists (select from ended_pass_codes e
                           where e.account_id = $1 and e.pass_code = g.pass_code) as is_ended) code_ended
        cross join lateral (
            select coalesce(by_code.pass_uid, by_uid.pass_uid) as pass_uid,
                   coalesce(by_code.event_key, by_uid.event_key) as event_key) pass
        left join lateral (
            select r.registration_key from registrations r
            where r.account_id = $1 and r.network = g.network and r.event_key = g.event_key and g.pass_uid is null
              and (r.registration_key = g.pass_code or r.barcode = g.pass_code)
            limit 1) wristband on true
        cross join lateral (
            select case when g.pass_code is null and g.pass_uid is null then null
                        when wristband.registration_key is not null and pass.event_key = g.event_key
                            then 'ambiguous_code'
                        when wristband.registration_key is not null then null
                        when pass.pass_uid is null and code_ended.is_ended then 'pass_transferred'
                        when pass.pass_uid is null then 'unknown_pass'
                        when g.event_key is not null and pass.event_key is distinct from g.event_key
                            then 'pass_of_another_event'
                        when not g.is_success then 'refused_at_gate' end as refusal) verdict
        on conflict (account_id, network, source_key) do nothing
        returning scan_key, pass_uid, access_mode, network, registration_key, barcode
    ),
    {LOCK_SCANS},
    announced as (
        {announce(SCAN_CREATED, "inserted", position="scan_key", at="$3")}
    )
    select scan_key, pass_uid, access_mode, {HAS_SCAN_QUESTS} as has_quests
    from inserted cross join (select count(is_locked) from locks) as lock_count
"""  # noqa: S608 - fixed parts

# Checks in passes by the earliest successful scan of each.
CHECK_IN = f"""
    with {HOLD},
    first as materialized (
        select distinct on (s.pass_uid) s.pass_uid, s.scanned_at, s.check_in_key, s.scan_key, {GATE} as gate_name
        from scans s
        where s.account_id = $1 and s.scan_key = any($2::bigint[]) and s.is_success
        order by s.pass_uid, s.scanned_at, s.scan_key
    ),
    checked_in as (
        update passes p
        set checked_in_at = first.scanned_at, updated_at = $3, gate_name = first.gate_name,
            check_in_key = first.check_in_key, scan_key = first.scan_key
        from first
        where p.account_id = $1 and p.pass_uid = first.pass_uid and p.checked_in_at is null and p.cancelled_at is null
        returning p.pass_uid, coalesce(p.claim_fan_id, p.fan_id) as fan_id, p.page_tab_id, p.event_key, p.checked_in_at
    ),
    {holders("e.fan_id")},
    {progress("check_in", "holders", CHECK_IN_QUESTS, moment="c.checked_in_at", is_due="false")},
    announced as (
        {announce(PASS_CHECKED_IN, "checked_in", at="$3")}
    )
    select fan_id from progress
"""  # noqa: S608 - fixed parts
# Marks the other scans as refused, except one with the gate and check_in_key of the pass's own check-in: that gate
# checked the pass in online, lost the response and sent the scan later.
REFUSE = f"""
    update scans s
    set is_success = false,
        refusal = case when p.checked_in_at is null then 'pass_cancelled' else 'pass_already_used' end
    from passes p
    where s.account_id = $1 and s.scan_key = any($2::bigint[]) and s.is_success
      and p.account_id = $1 and p.pass_uid = s.pass_uid and p.scan_key is distinct from s.scan_key
      and not (p.check_in_key is not distinct from s.check_in_key and s.check_in_key is not null
               and p.gate_name is not distinct from {GATE})
"""  # noqa: S608 - fixed parts
# The stored scans. Keys are sent as JSON, whose length the planner does not know: for short arrays it would plan anew
# in each call, which costs more than the statement.
BY_SOURCE = """
    select s.network, s.source_key, s.scan_key, s.is_success, s.refusal, p.checked_in_at, p.gate_name, c.time_zone
    from jsonb_to_recordset(:keys) as k (network text, source_key text)
    join scans s on s.account_id = $1 and s.network = k.network and s.source_key = k.source_key
    left join passes p on p.account_id = s.account_id and p.pass_uid = s.pass_uid
    left join campaigns c on c.account_id = p.account_id and c.page_tab_id = p.page_tab_id
"""
FIND = Sql(BY_SOURCE)
# The same eight columns, and what new scans fulfil: a row of the one or of the other.
FOLLOW = Sql(f"""
    with {HOLD}, {SCANS.format(scans="s.scan_key = any(:scan_keys::bigint[])")},
    scan as ({BY_SOURCE})
    select scan.*, {", ".join(f"null as {name}" for name in FOLLOWED)} from scan
    union all
    select {", ".join(["null"] * 8)}, {", ".join(FOLLOWED)} from followed
""")  # noqa: S608 - fixed parts


async def record_scans(db: Db, account: Account, lines: Sequence[ScanItem | WrongLine], now: datetime) -> ScansSaved:
    """Store scans and return the result of each; a scan sent again gets its stored result, invalid ones are listed.

    Of the scans of one pass the earliest checks it in, unless it was used before; the others are refused, with when and
    where it was used.
    """
    scans, faults = await run_by_rows(account.id, len(lines), _read, account, lines, now)
    unique: dict[ScanId, ScanItem] = {}
    for _, scan in scans:
        unique.setdefault(_key(scan), scan)
    new_keys: set[int] = set()
    records: dict[ScanId, Record] = {}

    async def write(part: Sequence[ScanId]) -> None:
        new, rows = await db.retry_conflicts(lambda tx: _record(tx, account, {key: unique[key] for key in part}, now))
        new_keys.update(new)
        records.update(rows)

    await write_lines(list(unique), write)
    saved = []
    for index, scan in scans:
        row = records.get(_key(scan))
        if row is None:
            faults.append(line_fault(index, unstorable_line(FIELD)))
            continue
        is_new = row["scan_key"] in new_keys
        new_keys.discard(row["scan_key"])
        refusal = reason(row, account.time_zone)
        saved.append(ScanSaved(index, row["scan_key"], not is_new, row["is_success"], row["refusal"], refusal))
    return ScansSaved(saved, sorted(faults, key=lambda fault: fault.index))


def _read(
    account: Account, lines: Sequence[ScanItem | WrongLine], now: datetime
) -> tuple[list[tuple[int, ScanItem]], list[LineFault]]:
    def build(index: int, scan: ScanItem) -> tuple[int, ScanItem]:
        check_past(now, scan_timestamp=scan.scan_timestamp)
        return index, scan

    return check_lines(lines, build, RequestContext(account, now))


def _key(scan: ScanItem) -> ScanId:
    """Return the unique key of a scan in the account: (network, source_key)."""
    return scan.network, scan.source_key or f"{scan.device_key}/{scan.device_sequence}"


def _columns(key: ScanId, scan: ScanItem) -> dict[str, Any]:
    values = {name: getattr(scan, name) for name in ScanItem.__struct_fields__}
    return {**values, "source_key": key[1]}


def _is_exit(access_mode: str | None) -> bool:
    return re.sub(r"[\W_]", "", fold(access_mode or "")) in EXIT_MODES


async def _record(
    db: Db, account: Account, unique: dict[ScanId, ScanItem], now: datetime
) -> tuple[set[int], dict[ScanId, Record]]:
    """Store scans; return the scan_keys of the new ones, and the stored row of each."""
    async with db.transaction() as tx:
        lines = [_columns(key, scan) for key, scan in unique.items()]
        rows = await tx.rows(STORE, account.id, lines, now, first_lock(account.id))
        fan_ids = await _admit(tx, account.id, rows, now)
        keys = [{"network": network, "source_key": source_key} for network, source_key in unique]
        if rows and rows[0]["has_quests"]:
            names = {"keys": keys, "scan_keys": [row["scan_key"] for row in rows]}
            followed, scan_rows = await follow(tx, account, FOLLOW, names, now)
            fan_ids |= followed
        else:
            scan_rows = await tx.rows(FIND, account.id, keys=keys)
        if fan_ids:
            await settle(tx, account.id, sorted(fan_ids), now)
        records = {(row["network"], row["source_key"]): row for row in scan_rows if row["scan_key"]}
        return {row["scan_key"] for row in rows}, records


async def _admit(tx: Db, account_id: int, rows: Sequence[Record], now: datetime) -> set[int]:
    """Check in the passes of new scans, and return the fans with progress in quests by that."""
    entries = {row["scan_key"]: row["pass_uid"] for row in rows if row["pass_uid"] and not _is_exit(row["access_mode"])}
    if not entries:
        return set()
    # Locked in one order, to prevent deadlocks between batches.
    await tx.execute(
        "select pass_uid from passes where account_id = $1 and pass_uid = any($2::uuid[])"
        " order by pass_uid for no key update",
        account_id,
        list(entries.values()),
    )
    checked_in = await tx.rows(CHECK_IN, account_id, list(entries), now)
    await tx.execute(REFUSE, account_id, list(entries))
    return {row["fan_id"] for row in checked_in}
