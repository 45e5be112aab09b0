"""Reads requests for erasure, and when they are carried out."""

from datetime import datetime

from fanfare.hosted.schemas.erasure_requests import (
    ROWS,
    ErasureRequest,
    ErasureRequestMeta,
    ErasureRequestWindow,
    ErasureSettings,
)
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page, below, newest_first
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unknown

COLUMNS = """
    erasure_request_id, fan_id, request_state as state, request_source as source,
    floor(extract(epoch from created_at))::bigint as creation_timestamp,
    floor(extract(epoch from due_at))::bigint as due_timestamp,
    floor(extract(epoch from erase_at))::bigint as erase_timestamp,
    floor(extract(epoch from decided_at))::bigint as decision_timestamp, erasure_id
"""
REQUESTS = Sql(f"""
    select {COLUMNS} from erasure_requests
    where account_id = $1 and erasure_request_id < :bound and (:state::text is null or request_state = :state)
      and (:fan_id::bigint is null or fan_id = :fan_id)
    order by erasure_request_id desc limit :limit
""")  # noqa: S608 - fixed parts


async def erasure_requests(
    db: Db, account_id: int, query: ErasureRequestWindow
) -> Page[ErasureRequestMeta, ErasureRequest]:
    """Return requests, the newest first."""
    limit, bound = query.limit or ROWS, await settled(db, account_id)
    rows = await db.rows(
        REQUESTS,
        account_id,
        bound=below(query.max_erasure_request_id, bound),
        state=query.state,
        fan_id=query.fan_id,
        limit=limit + 1,
    )
    data = [ErasureRequest(**row) for row in rows[:limit]]
    return newest_first(
        ErasureRequestMeta, data, "erasure_request_id", query.max_erasure_request_id, has_more=len(rows) > limit
    )


async def erasure_request(db: Db, account_id: int, erasure_request_id: int) -> ErasureRequest:
    """Return one request; Unknown (404) if it does not exist."""
    row = await db.row(
        f"select {COLUMNS} from erasure_requests where account_id = $1 and erasure_request_id = $2",  # noqa: S608 - fixed parts
        account_id,
        erasure_request_id,
    )
    if row is None:
        raise Unknown(erasure_request=erasure_request_id)
    return ErasureRequest(**row)


async def waiting_request(db: Db, account_id: int, fan_id: int) -> ErasureRequest | None:
    """Return the request of a fan that is not decided, if there is one."""
    row = await db.row(
        f"select {COLUMNS} from erasure_requests where account_id = $1 and fan_id = $2 and request_state = 'waiting'",  # noqa: S608 - fixed parts
        account_id,
        fan_id,
    )
    return ErasureRequest(**row) if row else None


async def due_requests(db: Db, account_id: int, now: datetime, limit: int) -> list[int]:
    """Return the ids of requests to be carried out without staff now, the oldest first."""
    rows = await db.rows(
        "select erasure_request_id from erasure_requests"
        " where account_id = $1 and request_state = 'waiting' and erase_at <= $2 order by erase_at limit $3",
        account_id,
        now,
        limit,
    )
    return [row["erasure_request_id"] for row in rows]


async def erasure_settings(db: Db, account_id: int) -> ErasureSettings:
    """Return when requests are carried out without staff."""
    return ErasureSettings(
        automatic_days=await db.value("select automatic_days from erasure_settings where account_id = $1", account_id)
    )
