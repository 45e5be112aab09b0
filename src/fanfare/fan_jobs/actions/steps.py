"""What a job does with a chunk of its fans, in the caller's transaction. Each returns how many fans were changed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from fanfare.campaigns.actions.quests import settle
from fanfare.fan_jobs.actions.fan_jobs import check_category
from fanfare.fan_jobs.schemas import AWARD, ERASE, TAG, UNTAG, CurrentFanJob
from fanfare.fans.actions.erasure import erase_fan
from fanfare.fans.actions.tags import change_tag
from fanfare.fans.schemas.attributes import TagChange
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.points.actions.awards import Payment, pay
from fanfare.points.award_keys import fan_job_key

Step = Callable[[Db, int, CurrentFanJob, Sequence[int], datetime], Awaitable[int]]


async def _tag(db: Db, account_id: int, current: CurrentFanJob, fan_ids: Sequence[int], now: datetime) -> int:
    change = TagChange(tag_name=current.tag_name or "", fan_ids=[*fan_ids], action="add")
    result = await change_tag(db, account_id, change, now)
    return sum(row.status == "added" for row in result.rows)


async def _untag(db: Db, account_id: int, current: CurrentFanJob, fan_ids: Sequence[int], now: datetime) -> int:
    change = TagChange(tag_name=current.tag_name or "", fan_ids=[*fan_ids], action="delete")
    result = await change_tag(db, account_id, change, now)
    return sum(row.status == "removed" for row in result.rows)


async def _award(db: Db, account_id: int, current: CurrentFanJob, fan_ids: Sequence[int], now: datetime) -> int:
    assert current.point_uid is not None  # noqa: S101 - its parameters were checked
    assert current.point_count is not None  # noqa: S101 - as above
    await check_category(db, account_id, current.point_uid)
    present = await _locked(db, account_id, fan_ids)
    payments = [
        Payment(
            fan_id=fan_id,
            point_uid=current.point_uid,
            point_count=current.point_count,
            award_key=fan_job_key(current.fan_job_uid, fan_id),
        )
        for fan_id in present
    ]
    paid = await pay(db, account_id, payments, now)
    if paid.has_progress:
        await settle(db, account_id, present, now)
    return paid.award_count


async def _locked(db: Db, account_id: int, fan_ids: Sequence[int]) -> list[int]:
    """Lock those of some fans who exist, so that none is merged or erased meanwhile, and return their ids."""
    rows = await db.rows(
        "select fan_id from fans where account_id = $1 and fan_id = any($2::bigint[]) order by fan_id for key share",
        account_id,
        fan_ids,
    )
    return [row["fan_id"] for row in rows]


async def _erase(db: Db, account_id: int, current: CurrentFanJob, fan_ids: Sequence[int], now: datetime) -> int:
    count = 0
    for fan_id in fan_ids:
        try:
            await erase_fan(db, account_id, fan_id, now, source=f"fan job {current.fan_job_uid}")
        except Unknown:
            # Erased or merged meanwhile.
            continue
        count += 1
    return count


STEPS: Mapping[str, Step] = {TAG: _tag, UNTAG: _untag, AWARD: _award, ERASE: _erase}
