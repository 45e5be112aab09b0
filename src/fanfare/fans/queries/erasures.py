"""Reads certificates of erasures."""

import hashlib
from typing import Any

import msgspec

from fanfare.accounts.queries import account_ids
from fanfare.fans.schemas.erasures import ROWS, Certificate, Erasure, ErasureMeta, ErasureWindow, TableCount
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.paging import Page, below, newest_first
from fanfare.kernel.errors import Unknown

COLUMNS = """
    erasure_id, fan_id, former_ids as former_fan_ids, erasure_source,
    floor(extract(epoch from erased_at))::bigint as erasure_timestamp, table_counts as tables, object_count,
    digest
"""


def digest(certificate: dict[str, Any]) -> str:
    """Return the SHA-256 of a certificate's other fields, in hexadecimal."""
    data = msgspec.json.encode(certificate, order="sorted")
    return hashlib.sha256(data).hexdigest()


def _erasure(row: Record) -> Erasure:
    fields = {**row, "tables": [TableCount(**each) for each in row["tables"]]}
    return Erasure(**{name: value for name, value in fields.items() if value is not None})


async def erasure(db: Db, account_id: int, erasure_id: int) -> Erasure:
    """Return one certificate; Unknown (404) if it does not exist."""
    row = await db.row(
        f"select {COLUMNS} from erasures where account_id = $1 and erasure_id = $2",  # noqa: S608 - fixed parts
        account_id,
        erasure_id,
    )
    if row is None:
        raise Unknown(erasure=erasure_id)
    return _erasure(row)


async def certificates(db: Db) -> list[Certificate]:
    """Return the certificates of every account, the oldest first."""
    result = []
    for account_id in await account_ids(db):
        rows = await db.rows(
            f"select {COLUMNS} from erasures where account_id = $1 order by erasure_id",  # noqa: S608 - fixed parts
            account_id,
        )
        names = Certificate.__struct_fields__[1:]
        result += [Certificate(account_id, **{name: row[name] for name in names}) for row in rows]
    return result


async def erasures(db: Db, account_id: int, query: ErasureWindow) -> Page[ErasureMeta, Erasure]:
    """Return a page of certificates, the newest first, up to the settled position."""
    limit, bound = query.limit or ROWS, await settled(db, account_id)
    rows = await db.rows(
        f"""
        select {COLUMNS} from erasures
        where account_id = $1 and ($2::bigint is null or fan_id = $2 or $2 = any(former_ids))
          and erasure_id < $3
        order by erasure_id desc limit $4
        """,  # noqa: S608 - fixed parts
        account_id,
        query.fan_id,
        below(query.max_erasure_id, bound),
        limit + 1,
    )
    data = [_erasure(row) for row in rows[:limit]]
    return newest_first(ErasureMeta, data, "erasure_id", query.max_erasure_id, has_more=len(rows) > limit)
