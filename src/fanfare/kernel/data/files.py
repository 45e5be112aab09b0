"""Files in parts of the database: written from begin to end, read from any offset, deleted together."""

import uuid

from fanfare.kernel.data.db import Db

PART_BYTES = 256 * 1024
# Parts that one statement deletes.
DELETE_BATCH = 64


async def append(db: Db, account_id: int, file_uid: uuid.UUID, offset: int, content: bytes) -> None:
    """Write a part of at most PART_BYTES; `offset` is the number of bytes before it."""
    await db.execute(
        "insert into file_parts (account_id, file_uid, part_offset, content) values ($1, $2, $3, $4)",
        account_id,
        file_uid,
        offset,
        content,
    )


async def read_from(db: Db, account_id: int, file_uid: uuid.UUID, offset: int, size: int) -> bytes:
    """Return the bytes of a file from an offset on, `size` of them or up to the end."""
    rows = await db.rows(
        """
        select part_offset, content from file_parts
        where account_id = $1 and file_uid = $2 and part_offset > $3::bigint - $5::bigint
          and part_offset < $3::bigint + $4::bigint
        order by part_offset
        """,
        account_id,
        file_uid,
        offset,
        size,
        PART_BYTES,
    )
    if not rows:
        return b""
    data = b"".join(row["content"] for row in rows)
    start = offset - rows[0]["part_offset"]
    return data[start : start + size]


async def delete_file(db: Db, account_id: int, file_uid: uuid.UUID) -> None:
    """Delete a file."""
    deleted = DELETE_BATCH
    while deleted == DELETE_BATCH:
        status = await db.execute(
            """
            delete from file_parts where account_id = $1 and file_uid = $2 and part_offset in (
                select part_offset from file_parts where account_id = $1 and file_uid = $2
                order by part_offset limit $3)
            """,
            account_id,
            file_uid,
            DELETE_BATCH,
        )
        deleted = int(status.removeprefix("DELETE "))
