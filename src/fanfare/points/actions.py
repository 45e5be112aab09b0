"""Awards points, and updates balances and ranks in the same statement."""

import uuid
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import Conflict, Unavailable, Unknown
from fanfare.points.schemas import NewAward, NewNamedAward, NewPoint, PointChanges
from fanfare.points.topics import POINT_CREATED, POINT_UPDATED, POINTS_AWARDED

# CTEs that update the standings of fans, and the number of fans per bucket of totals, from the CTE `additions`
# (account_id, fan_id, board, point_count). All statements write buckets in the same order, to prevent deadlocks.
UPDATE_STANDINGS = """
    new_standings as (
        insert into standings as s (account_id, board, fan_id, total, award_count)
        select account_id, board, fan_id, point_count, 1 from additions
        order by board, fan_id
        on conflict (account_id, board, fan_id) do update
        set total = s.total + excluded.total, award_count = s.award_count + 1
        returning account_id, board, fan_id, total, award_count
    ),
    steps as (
        select new_standings.account_id, new_standings.board, step.level, step.bucket, sum(step.fans) as fans
        from new_standings
        join additions on additions.board = new_standings.board and additions.fan_id = new_standings.fan_id
        cross join lateral (values
            (0, standing_bucket(new_standings.total), 1),
            (1, standing_bucket(new_standings.total) >> 7, 1),
            (0, standing_bucket(new_standings.total - additions.point_count),
             case when new_standings.award_count = 1 then 0 else -1 end),
            (1, standing_bucket(new_standings.total - additions.point_count) >> 7,
             case when new_standings.award_count = 1 then 0 else -1 end)
        ) as step (level, bucket, fans)
        group by new_standings.account_id, new_standings.board, step.level, step.bucket
        having sum(step.fans) <> 0
    ),
    count_fans as (
        insert into standing_buckets as b (account_id, board, level, bucket, fan_count)
        select account_id, board, level, bucket, fans from steps
        order by board, level, bucket
        on conflict (account_id, board, level, bucket) do update set fan_count = b.fan_count + excluded.fan_count
    )
"""


TABLES = ("fan_points", "standings")
EXCLUDED = ("standings",)


class PointNameTaken(Conflict):
    """Another point category of the account has this name"""


class PointClosed(Conflict):
    """The point category is closed"""


class AwardKeyUsed(Conflict):
    """The award_key was used for another award"""


CREATE_POINT = f"""
    with {HOLD},
    inserted as (
        insert into points (account_id, point_uid, point_name, description, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $5)
        returning account_id, point_uid
    )
    {announce(POINT_CREATED, "inserted", at="$5")}
"""  # noqa: S608 - fixed parts


async def create_point(db: Db, account_id: int, new: NewPoint, now: datetime) -> uuid.UUID:
    """Create a category and return its uid; PointNameTaken (409) if the name exists."""
    point_uid = uuid.uuid4()
    try:
        await db.execute(
            CREATE_POINT,
            account_id,
            point_uid,
            new.point_name,
            new.description,
            now,
        )
    except asyncpg.UniqueViolationError:
        raise PointNameTaken from None
    return point_uid


POINT = Columns(PointChanges, key=("point_uid",))
CHANGE_POINT = f"""
    with {HOLD},
    saved as (
        update points p
        set {POINT.assignments("p", "$3")},
            updated_at = $4
        where p.account_id = $1 and p.point_uid = $2
        returning p.account_id, p.point_uid
    ),
    announced as (
        {announce(POINT_UPDATED, "saved", at="$4", fields="$5::text[]")}
    )
    select point_uid from saved
"""  # noqa: S608 - fixed parts


async def change_point(db: Db, account_id: int, changes: PointChanges, now: datetime) -> uuid.UUID:
    """Update the fields sent of a category and return its uid; Unknown (404), PointNameTaken (409)."""
    fields = POINT.sent_fields(changes)
    try:
        updated = await db.value(
            CHANGE_POINT,
            account_id,
            changes.point_uid,
            POINT.record(fields),
            now,
            list(fields),
        )
    except asyncpg.UniqueViolationError:
        raise PointNameTaken from None
    if updated is None:
        raise Unknown(point_category=changes.point_uid)
    return changes.point_uid


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
        returning account_id, fan_point_id, fan_point_uid, fan_id, point_uid, page_tab_id, point_count
    ),
    additions as (
        select account_id, fan_id, 'point:' || point_uid as board, point_count from inserted
        union all
        select account_id, fan_id, 'campaign:' || page_tab_id, point_count from inserted where page_tab_id is not null
    ),
    {UPDATE_STANDINGS},
    announced as (
        {announce(POINTS_AWARDED, "inserted", position="fan_point_id", at=":now")}
    )
    select coalesce(inserted.fan_point_uid, prior.fan_point_uid) as fan_point_uid,
           prior.fan_point_uid is null
               or (prior.fan_id, prior.point_uid, prior.point_count) = (:fan_id, :point_uid, :point_count) as is_same,
           exists (select from targets) as has_targets
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


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Delete a fan's standings and clear personal data of the awards, which stay."""
    await db.execute(
        """
        with deleted as (
            delete from standings where account_id = $1 and fan_id = $2 returning account_id, board, total
        ),
        steps as (
            select deleted.account_id, deleted.board, step.level, step.bucket
            from deleted
            cross join lateral (values (0, standing_bucket(deleted.total)), (1, standing_bucket(deleted.total) >> 7))
                as step (level, bucket)
        ),
        count_fans as (
            update standing_buckets b set fan_count = b.fan_count - 1
            from steps
            where b.account_id = $1 and b.account_id = steps.account_id
              and b.board = steps.board and b.level = steps.level and b.bucket = steps.bucket
        )
        update fan_points
        set ip_address = null, award_key = null, award_signature = null, session_uid = null, props = '{}'
        where account_id = $1 and fan_id = $2
        """,
        account_id,
        fan_id,
    )


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Move the awards of one fan to another and recompute the standings."""
    await db.execute(
        "update fan_points set fan_id = $3 where account_id = $1 and fan_id = $2", account_id, old_fan_id, fan_id
    )
    await recount_fans(db, account_id, [old_fan_id, fan_id])


async def recount_fans(db: Db, account_id: int, fan_ids: Sequence[int]) -> None:
    """Recompute the standings of fans, and the buckets that count them, from their awards.

    The caller has locked the fans' rows. Buckets are written in the same order as in UPDATE_STANDINGS.
    """
    await db.execute(RECOUNT, account_id, list(fan_ids))


RECOUNT = """
    with sums as (
        select fan_id, board, sum(point_count)::bigint as total, count(*) as award_count
        from fan_points p
        cross join lateral (values ('point:' || p.point_uid), ('campaign:' || p.page_tab_id)) as b (board)
        where p.account_id = $1 and p.fan_id = any($2::bigint[]) and b.board is not null
        group by fan_id, board
    ),
    old as materialized (
        select fan_id, board, total from standings where account_id = $1 and fan_id = any($2::bigint[])
    ),
    deleted as (
        delete from standings s
        where s.account_id = $1 and s.fan_id = any($2::bigint[])
          and not exists (select from sums where sums.fan_id = s.fan_id and sums.board = s.board)
    ),
    save_standings as (
        insert into standings as s (account_id, board, fan_id, total, award_count)
        select $1, board, fan_id, total, award_count from sums
        order by board, fan_id
        on conflict (account_id, board, fan_id) do update
        set total = excluded.total, award_count = excluded.award_count
    ),
    steps as (
        select each.board, step.level, step.bucket, sum(each.fans) as fans
        from (select board, total, 1 as fans from sums union all select board, total, -1 from old) as each
        cross join lateral (values (0, standing_bucket(each.total)), (1, standing_bucket(each.total) >> 7))
            as step (level, bucket)
        group by each.board, step.level, step.bucket
        having sum(each.fans) <> 0
    )
    insert into standing_buckets as b (account_id, board, level, bucket, fan_count)
    select $1, board, level, bucket, fans from steps
    order by board, level, bucket
    on conflict (account_id, board, level, bucket) do update set fan_count = b.fan_count + excluded.fan_count
"""
