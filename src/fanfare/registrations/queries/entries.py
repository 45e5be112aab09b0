"""Reads registrations with how their holders came in.

A scan is of a registration by its key or barcode in the network, and for its event: the same key, or the same day.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.data.sql import Sql
from fanfare.registrations.queries.gates import EXIT_MODES, GATE, IS_EXIT
from fanfare.registrations.queries.registrations import registrations
from fanfare.registrations.schemas.registrations import (
    EntryQuery,
    Registration,
    RegistrationEntry,
    RegistrationMeta,
)

ENTRIES = Sql(f"""
    with lines as (
        select * from jsonb_to_recordset(:lines) as r (
            network text, registration_key text, barcode text, event_key text, event_date date)
    ),
    hits as (
        select r.registration_key as line_key, s.network, s.scanned_at, s.is_success, {IS_EXIT} as is_exit,
               {GATE} as gate_name
        from lines r
        join scans s on s.account_id = $1 and s.network = r.network and s.registration_key = r.registration_key
        where coalesce(s.event_key = r.event_key, s.event_date = r.event_date, true)
        union all
        select r.registration_key, s.network, s.scanned_at, s.is_success, {IS_EXIT}, {GATE}
        from lines r
        join scans s on s.account_id = $1 and s.network = r.network and s.barcode = r.barcode
        where s.registration_key is null and coalesce(s.event_key = r.event_key, s.event_date = r.event_date, true)
    )
    select line_key as registration_key, network,
           floor(extract(epoch from min(scanned_at) filter (where is_success and not is_exit)))::bigint
               as entry_timestamp,
           (array_agg(gate_name order by scanned_at) filter (where is_success and not is_exit))[1] as gate_name,
           count(*) filter (where is_success and not is_exit) as entry_count,
           count(*) filter (where not is_success) as refusal_count
    from hits group by line_key, network
""")  # noqa: S608 - fixed parts


async def registration_entries(
    db: Db, account: Account, query: EntryQuery, *, business_ids: Sequence[int] | None = None
) -> Page[RegistrationMeta, RegistrationEntry]:
    """Return a page of registrations with their entries; with `business_ids` those of their performances alone."""
    page = await registrations(db, account, query, business_ids=business_ids)
    entries = await _entries(db, account.id, page.data)
    data = [
        RegistrationEntry(**msgspec.structs.asdict(each), **entries.get((each.network, each.registration_key), {}))
        for each in page.data
    ]
    return Page(page.meta, data)


async def _entries(db: Db, account_id: int, rows: Sequence[Registration]) -> dict[tuple[str, str], dict[str, Any]]:
    names = ("network", "registration_key", "barcode", "event_key", "event_date")
    lines = [{name: getattr(row, name) for name in names} for row in rows]
    entries = [dict(row) for row in await db.rows(ENTRIES, account_id, lines=lines, exit_modes=list(EXIT_MODES))]
    return {(entry.pop("network"), entry.pop("registration_key")): entry for entry in entries}
