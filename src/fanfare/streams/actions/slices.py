"""Gives approved records their place: a slice of their stream, whose positions follow those of the slices before.

Writers of a stream take turns: what they take of positions and slices is in the same order.
"""

from fanfare.kernel.data.announcements import HOLD
from fanfare.kernel.data.db import Db

# Records of a slice; the last writer may exceed it.
SLICE = 4096

LOCK = "select stream_id from streams where account_id = $1 and stream_id = $2 for no key update"
# Run after the lock, so it sees what the writer before has taken.
TAKE = f"""
    with {HOLD},
    newest as (
        select max(slice_position) as slice_position from stream_slices where account_id = $1 and stream_id = $2
    ),
    used as (
        select s.slice_position from stream_slices s join newest n using (slice_position)
        where s.account_id = $1 and s.stream_id = $2 and s.record_count < {SLICE}
    ),
    added as (
        insert into stream_slices (account_id, stream_id, slice_position, record_count)
        select $1, $2, nextval('positions'), 0 from hold where not exists (select from used)
        returning slice_position
    )
    select slice_position from used union all select slice_position from added
"""  # noqa: S608 - constants
ADD = """
    update stream_slices set record_count = record_count + $4
    where account_id = $1 and stream_id = $2 and slice_position = $3
"""
FORGET = """
    delete from stream_slices s
    where s.account_id = $1
      and s.slice_position < (
          select max(n.slice_position) from stream_slices n where n.account_id = $1 and n.stream_id = s.stream_id)
      and not exists (select from stream_records r where r.account_id = $1 and r.stream_id = s.stream_id
          and r.time_position > s.slice_position and r.time_position <= coalesce((
              select min(n.slice_position) from stream_slices n
              where n.account_id = $1 and n.stream_id = s.stream_id and n.slice_position > s.slice_position), 0))
"""


async def lock_stream(tx: Db, account_id: int, stream_id: int) -> None:
    """Wait until no other writer has the stream, and keep them waiting until the transaction ends."""
    await tx.execute(LOCK, account_id, stream_id)


async def take_slice(tx: Db, account_id: int, stream_id: int) -> int:
    """Return the slice for records that are approved now; the stream is locked, and positions are taken afterwards."""
    slice_position: int = await tx.value(TAKE, account_id, stream_id)
    return slice_position


async def add_to_slice(tx: Db, account_id: int, stream_id: int, slice_position: int, count: int) -> None:
    """Count the records that were approved in a slice."""
    await tx.execute(ADD, account_id, stream_id, slice_position, count)


async def forget_slices(db: Db, account_id: int) -> None:
    """Delete slices whose records are gone."""
    await db.execute(FORGET, account_id)
