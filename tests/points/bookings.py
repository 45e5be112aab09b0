"""Fans, categories and bookings for the tests of points."""

from typing import Any

from fanfare.kernel.data.db import Db
from tests.api import Api


async def some_fans(db: Db, account_id: int, count: int) -> list[int]:
    rows = await db.rows(
        "insert into fans (account_id, first_name, display_name, created_at, updated_at, position)"
        " select $1, 'F', 'fan ' || gen_random_uuid(), now(), now(), nextval('positions') from generate_series(1, $2)"
        " returning fan_id",
        account_id,
        count,
    )
    return [row["fan_id"] for row in rows]


async def some_point(api: Api, name: str) -> str:
    created = await api.ok(await api.post("/api/v1/manage/points", point_name=name))
    return str(created["point_uid"])


async def award(api: Api, point_uid: str, fan_id: int, count: int, **extra: Any) -> Any:
    return await api.ok(
        await api.post("/api/v1/crm/fan_points", point_uid=point_uid, fan_id=fan_id, point_count=count, **extra)
    )
