"""Reads the audit log, and verifies its hashes."""

from collections.abc import AsyncIterator

import msgspec

from fanfare.kernel.data.audit import CONTENT
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.paging import Page
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.data.sql import Sql
from fanfare.staff.schemas.audit import ROWS, AuditEntry, AuditMeta, AuditQuery, AuditVerification

ENTRIES = Sql(
    Heavy("""
    select entry_number, floor(extract(epoch from occurred_at))::bigint as occurrence_timestamp, actor_kind, actor_key,
           actor_name, ip_address, action_name, inputs, row_before, row_after, encode(entry_hash, 'hex') as entry_hash
    from audit_entries
    where account_id = $1
      and (:text::text is null or position(fold_text(:text) in fold_text(concat_ws(
          ' ', action_name, actor_name, actor_key, ip_address, inputs::text, row_before::text, row_after::text))) > 0)
      and (:since::timestamptz is null or occurred_at >= :since)
      and (:until::timestamptz is null or occurred_at < :until)
      and (:max_entry_number::bigint is null or entry_number < :max_entry_number)
    order by entry_number desc limit :row_limit
    """)
)
# An entry is wrong if its hash is another, or a number is missing before it.
VERIFY = Heavy(f"""
    with linked as (
        select e.entry_number, e.entry_hash,
               row_number() over entries as place,
               sha256(coalesce(lag(e.entry_hash) over entries, '') || {CONTENT}) as expected_hash
        from audit_entries e where e.account_id = $1
        window entries as (order by e.entry_number)
    ),
    summary as (
        select count(*) as entry_count, max(entry_number) as last_number,
               min(entry_number) filter (where entry_hash <> expected_hash or entry_number <> place) as first_wrong
        from linked
    )
    select s.entry_count, encode(coalesce(h.entry_hash, ''), 'hex') as last_entry_hash,
           coalesce(s.first_wrong, case
               when coalesce(h.entry_number, 0) <> s.entry_count
                    or coalesce(h.entry_hash, '') <> coalesce(l.entry_hash, '') then s.entry_count + 1
           end) as first_wrong
    from summary s
    left join audit_heads h on h.account_id = $1
    left join linked l on l.entry_number = s.last_number
""")  # noqa: S608 - fixed parts


async def audit_entries(db: Db, account_id: int, query: AuditQuery) -> Page[AuditMeta, AuditEntry]:
    """Return a page of entries, the newest first."""
    limit = query.limit or ROWS
    rows = await db.rows(
        ENTRIES, account_id, text=query.text, since=query.since, until=query.until,
        max_entry_number=query.max_entry_number, row_limit=limit + 1,
    )  # fmt: skip
    entries = read_rows(AuditEntry, rows[:limit])
    smallest = entries[-1].entry_number if entries else query.max_entry_number
    return Page(AuditMeta(smallest, len(entries), has_more=len(rows) > limit), entries)


async def all_entries(db: Db, account_id: int, query: AuditQuery) -> AsyncIterator[AuditEntry]:
    """Yield the entries of a query, the newest first, page by page."""
    query = msgspec.structs.replace(query, limit=ROWS)
    while True:
        page = await audit_entries(db, account_id, query)
        for entry in page.data:
            yield entry
        if not page.meta.has_more:
            return
        query = msgspec.structs.replace(query, max_entry_number=page.meta.min_entry_number)


async def verification(db: Db, account_id: int) -> AuditVerification:
    """Return whether the log of an account is as it was written."""
    row = await db.row(VERIFY, account_id)
    assert row is not None  # noqa: S101 - a summary
    first = row["first_wrong"]
    return AuditVerification(account_id, first is None, row["entry_count"], row["last_entry_hash"], first)
