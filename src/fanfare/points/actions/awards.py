"""Awards points, and updates balances and ranks in the same statement."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg
import msgspec

from fanfare.campaigns.actions.quests import HAS_PROGRESS, settle
from fanfare.kernel.data.announcements import HOLD
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Arrays, Sql
from fanfare.kernel.errors import Conflict, Unavailable, Unknown
from fanfare.points.actions.standings import AFTER_AWARDS
from fanfare.points.schemas.points import NewAward, NewNamedAward


class PointClosed(Conflict):
    """The point category is closed"""


class AwardKeyUsed(Conflict):
    """The award_key was used for another award"""


async def award_points(
    db: Db, account_id: int, new: NewAward, now: datetime, *, address: str | None = None
) -> uuid.UUID:
    """Award points to a fan and return the award's uid; with an award_key used before, that of the existing award.

    Unknown (404) fan, category, campaign, activity or performance; Conflict (409) for a closed category, and for an
    award_key of a different award.
    """
    row = await db.retry_conflicts(lambda tx: _award(tx, account_id, new, now, address))
    if row["fan_point_uid"] is None:
        if row["has_targets"]:
            raise PointClosed
        raise Unknown(
            fan=new.fan_id,
            point_category=new.point_uid,
            campaign=new.page_tab_id,
            activity=new.activity_id,
            performance=new.performance_uid,
        )
    if not row["is_same"]:
        raise AwardKeyUsed
    if row["has_progress"]:
        await settle(db, account_id, [new.fan_id], now)
    fan_point_uid: uuid.UUID = row["fan_point_uid"]
    return fan_point_uid


AWARD = Sql(f"""
    with {HOLD},
    prior as (
        select fan_point_uid, fan_id, point_uid, point_count from fan_points
        where account_id = $1 and award_key = :award_key
    ),
    targets as (
        select f.fan_id, p.point_uid, p.is_active
        from fans f
        join points p on p.account_id = f.account_id and p.point_uid = :point_uid
        where f.account_id = $1 and f.fan_id = :fan_id
          and (:page_tab_id::bigint is null or exists (
              select from campaigns c where c.account_id = $1 and c.page_tab_id = :page_tab_id))
          and (:activity_id::bigint is null or exists (
              select from activities a where a.account_id = $1 and a.activity_id = :activity_id))
          and (:performance_uid::uuid is null or exists (
              select from performances s where s.account_id = $1 and s.performance_uid = :performance_uid))
        for key share of f
    ),
    inserted as (
        insert into fan_points (account_id, fan_point_id, fan_point_uid, fan_id, point_uid, point_count, point_type,
                                reward_uid, page_tab_id, activity_id, session_uid, performance_uid, point_source,
                                award_key, award_signature, ip_address, props, created_at)
        select $1, nextval('positions'), :fan_point_uid, targets.fan_id, targets.point_uid, :point_count, :point_type,
               :reward_uid, :page_tab_id, :activity_id, :session_uid, :performance_uid, :point_source, :award_key,
               :award_signature, :ip_address, :props, :now
        from hold cross join targets
        where targets.is_active and not exists (select from prior)
        returning account_id, fan_point_id, fan_point_uid, fan_id, point_uid, page_tab_id, point_count, reward_uid
    ),
    {AFTER_AWARDS}
    select coalesce(inserted.fan_point_uid, prior.fan_point_uid) as fan_point_uid,
           prior.fan_point_uid is null
               or (prior.fan_id, prior.point_uid, prior.point_count) = (:fan_id, :point_uid, :point_count) as is_same,
           exists (select from targets) as has_targets, {HAS_PROGRESS}
    from (select) as one left join inserted on true left join prior on true
""")  # noqa: S608 - fixed parts


PLAIN = (
    "fan_id", "point_uid", "point_count", "page_tab_id", "activity_id", "reward_uid", "session_uid", "performance_uid",
    "award_key", "point_source", "award_signature",
)  # fmt: skip


async def _award(db: Db, account_id: int, new: NewAward, now: datetime, address: str | None) -> asyncpg.Record:
    row = await db.row(
        AWARD,
        account_id,
        fan_point_uid=uuid.uuid4(),
        point_type=new.point_type or "points",
        ip_address=address,
        props=new.props or {},
        now=now,
        **{name: getattr(new, name) for name in PLAIN},
    )
    if row is None:
        raise Unavailable
    return row


PAYMENTS = Arrays(
    "payments",
    {
        "fan_point_uid": "uuid", "fan_id": "bigint", "point_uid": "uuid", "point_count": "bigint", "point_type": "text",
        "page_tab_id": "bigint", "performance_uid": "uuid", "reward_uid": "uuid", "award_key": "text",
    },
)  # fmt: skip
# A closed category awards nothing, but takes back what was spent.
PAY = Sql(f"""
    with {HOLD},
    inserted as (
        insert into fan_points (account_id, fan_point_id, fan_point_uid, fan_id, point_uid, point_count, point_type,
                                page_tab_id, performance_uid, reward_uid, award_key, created_at)
        select $1, nextval('positions'), new.fan_point_uid, new.fan_id, new.point_uid, new.point_count, new.point_type,
               new.page_tab_id, new.performance_uid, new.reward_uid, new.award_key, :now
        from hold cross join {PAYMENTS.unnest("new")}
        join points p on p.account_id = $1 and p.point_uid = new.point_uid
        where p.is_active or new.reward_uid is not null and new.point_count > 0
        on conflict (account_id, award_key) where award_key is not null do nothing
        returning account_id, fan_point_id, fan_point_uid, fan_id, point_uid, page_tab_id, point_count, reward_uid
    ),
    {AFTER_AWARDS}
    select count(*) as award_count, {HAS_PROGRESS} from inserted
""")  # noqa: S608 - fixed parts


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """Points that another domain awards or takes, once for its award_key."""

    fan_id: int
    point_uid: uuid.UUID
    point_count: int
    award_key: str
    point_type: str = "points"
    page_tab_id: int | None = None
    performance_uid: uuid.UUID | None = None
    reward_uid: uuid.UUID | None = None


class Paid(NamedTuple):
    """How many awards there were (a category may be closed, an award_key used before), and whether quests are due."""

    award_count: int
    has_progress: bool


async def pay(db: Db, account_id: int, payments: Sequence[Payment], now: datetime) -> Paid:
    """Award points; part of the transaction of the caller, who has locked the fans' rows and settles their quests."""
    rows = [{**msgspec.structs.asdict(payment), "fan_point_uid": uuid.uuid4()} for payment in payments]
    row = await db.row(PAY, account_id, **PAYMENTS.arguments(rows), now=now)
    return Paid(row["award_count"], row["has_progress"]) if row else Paid(0, has_progress=False)


async def award_named_points(db: Db, account_id: int, new: NewNamedAward, now: datetime) -> uuid.UUID:
    """Award points of a category that is given by name."""
    point_uid = await db.value(
        "select point_uid from points where account_id = $1 and fold_text(point_name) = fold_text($2)",
        account_id,
        new.point_name,
    )
    if point_uid is None:
        raise Unknown(point_category=new.point_name)
    award = NewAward(point_uid=point_uid, fan_id=new.fan_id, point_count=new.point_count, award_key=new.award_key)
    return await award_points(db, account_id, award, now)
