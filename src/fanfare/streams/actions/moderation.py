"""Approves, removes and labels records, and trusts and blocks authors."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.streams.actions.counting import additions, count, removals
from fanfare.streams.actions.slices import add_to_slice, lock_stream, take_slice
from fanfare.streams.queries.streams import stream_by_key
from fanfare.streams.schemas.records import MAX_BATCH, MAX_LABELS, AuthorChange, BulkAction, RecordAction
from fanfare.streams.schemas.terms import label_term
from fanfare.streams.topics import STREAM_AUTHOR_UPDATED, STREAM_RECORD_UPDATED


class TooManyLabels(Conflict):
    """The record has 20 labels already"""


MODERATE = Sql(f"""
    with {HOLD},
    old as (
        select feed_record_id, stream_id, author_id, created_at, reach, record_status, labels from stream_records
        where account_id = $1 and stream_id = :stream_id and feed_record_id = any(:feed_record_ids::bigint[])
        order by feed_record_id for update
    ),
    planned as (
        select o.*,
               case :action::text when 'approve' then 'approved' when 'remove' then 'removed' when 'wait' then 'waiting'
                    else o.record_status end
                   as new_status,
               case when :action = 'unlabel' then array_remove(o.labels, :label_key::text)
                    when :action = 'label' and :label_key <> all(o.labels) and cardinality(o.labels) < :max_labels
                    then o.labels || :label_key::text else o.labels end as new_labels
        from old o
    ),
    moved as (
        select p.*, case when p.new_status = 'approved' and p.record_status <> 'approved' then nextval('positions') end
                        as new_position
        from hold cross join (
            select * from planned where new_status <> record_status or new_labels <> labels order by feed_record_id
        ) as p
    ),
    changed as (
        update stream_records as r
        set record_status = m.new_status,
            time_position = case m.new_status when 'approved' then coalesce(m.new_position, r.time_position) end,
            slice_position = case when m.new_position is not null then :slice_position::bigint
                                  when m.new_status = 'approved' then r.slice_position end,
            approved_at = case when m.new_position is not null then :now::timestamptz
                               when m.new_status = 'approved' then r.approved_at end,
            labels = m.new_labels,
            terms = case when m.new_labels = m.labels then r.terms
                         when :action = 'label' then r.terms || :label_term::text
                         else array_remove(r.terms, :label_term::text) end
        from moved m
        where r.account_id = $1 and r.feed_record_id = m.feed_record_id
        returning r.feed_record_id, r.stream_id, r.author_id, r.created_at, r.reach, r.record_status, r.labels
    ),
    differences as ({removals("moved")} union all {additions("changed")}),
    {count("differences")},
    announced as (
        {
    announce(
        STREAM_RECORD_UPDATED,
        "changed",
        at=":now",
        fields="array[case when :action in ('approve', 'remove', 'wait') then 'record_status' else 'labels' end]",
    )
}
    )
    select feed_record_id from changed order by feed_record_id
""")  # noqa: S608 - fixed parts
LABELS = "select labels from stream_records where account_id = $1 and stream_id = $2 and feed_record_id = $3"


async def moderate(db: Db, account_id: int, order: RecordAction, now: datetime) -> int:
    """Approve, remove, label or unlabel a record and return its id; Unknown (404), TooManyLabels (409)."""
    stream = await stream_by_key(db, account_id, order.stream_key)
    change = (order.action, order.label_key)
    if not await _moderate(db, account_id, stream.stream_id, [order.feed_record_id], change, now):
        labels = await db.value(LABELS, account_id, stream.stream_id, order.feed_record_id)
        if labels is None:
            raise Unknown(record=order.feed_record_id)
        if order.action == "label" and order.label_key not in labels:
            raise TooManyLabels
    return order.feed_record_id


async def moderate_all(db: Db, account_id: int, order: BulkAction, now: datetime) -> list[int]:
    """Do the same with several records and return the ids of those that changed; Unknown (404) stream."""
    stream = await stream_by_key(db, account_id, order.stream_key)
    change = (order.action, order.label_key)
    return await _moderate(db, account_id, stream.stream_id, order.feed_record_ids, change, now)


async def _moderate(
    db: Db, account_id: int, stream_id: int, record_ids: Sequence[int], change: tuple[str, str | None], now: datetime
) -> list[int]:
    action, label_key = change

    async def write(handle: Db) -> list[int]:
        async with handle.transaction() as tx:
            await lock_stream(tx, account_id, stream_id)
            slice_position = await take_slice(tx, account_id, stream_id) if action == "approve" else None
            rows = await tx.rows(
                MODERATE,
                account_id,
                stream_id=stream_id,
                feed_record_ids=list(record_ids),
                action=action,
                label_key=label_key or "",
                label_term=label_term(label_key or ""),
                max_labels=MAX_LABELS,
                slice_position=slice_position,
                now=now,
            )
            if slice_position is not None:
                await add_to_slice(tx, account_id, stream_id, slice_position, len(rows))
            return [row["feed_record_id"] for row in rows]

    return await db.retry_conflicts(write)


CHANGE_AUTHOR = f"""
    with {HOLD},
    changed as (
        update stream_authors set author_status = $4
        where account_id = $1 and stream_id = $2 and author_id = $3
        returning author_id
    ),
    announced as (
        {announce(STREAM_AUTHOR_UPDATED, "changed", at="$5")}
    )
    select author_id from changed
"""  # noqa: S608 - fixed parts
VISIBLE = """
    select feed_record_id from stream_records
    where account_id = $1 and author_id = $2 and record_status <> 'removed' limit $3
"""


async def change_author(db: Db, account_id: int, change: AuthorChange, now: datetime) -> int:
    """Trust or block an author and return the id; the records of one who is blocked are removed. Unknown (404)."""
    stream = await stream_by_key(db, account_id, change.stream_key)
    author_id = change.author_id
    if await db.value(CHANGE_AUTHOR, account_id, stream.stream_id, author_id, change.author_status, now) is None:
        raise Unknown(author=author_id)
    while change.author_status == "blocked":
        rows = await db.rows(VISIBLE, account_id, author_id, MAX_BATCH)
        if not rows:
            break
        record_ids = [row["feed_record_id"] for row in rows]
        await _moderate(db, account_id, stream.stream_id, record_ids, ("remove", None), now)
    return author_id
