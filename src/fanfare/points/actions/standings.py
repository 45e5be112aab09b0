"""Keeps the standings of fans: totals, ranks and progress in quests, by the statement that inserts awards."""

from collections.abc import Sequence

from fanfare.kernel.data.announcements import announce
from fanfare.kernel.data.db import Db
from fanfare.points.topics import POINTS_AWARDED

# CTEs that keep what depends on awards, from the CTE `inserted` with the rows of fan_points: the standings of fans,
# the number of fans per bucket of totals, and progress in quests. All statements write buckets in one order, against
# deadlocks. What is linked to a reward is its price or its return, and gains nothing.
STANDINGS = f"""
    additions as (
        select inserted.account_id, inserted.fan_id, b.board, sum(inserted.point_count)::bigint as point_count,
               count(*) as award_count,
               sum(case when inserted.reward_uid is null then greatest(inserted.point_count, 0) else 0 end)::bigint
                   as gain
        from inserted
        cross join lateral (values ('point:' || inserted.point_uid), ('campaign:' || inserted.page_tab_id)) as b (board)
        where b.board is not null
        group by inserted.account_id, inserted.fan_id, b.board
    ),
    new_standings as (
        insert into standings as s (account_id, board, fan_id, total, award_count, gain)
        select account_id, board, fan_id, point_count, award_count, gain from additions
        order by board, fan_id
        on conflict (account_id, board, fan_id) do update
        set total = s.total + excluded.total, award_count = s.award_count + excluded.award_count,
            gain = s.gain + excluded.gain
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
             case when new_standings.award_count = additions.award_count then 0 else -1 end),
            (1, standing_bucket(new_standings.total - additions.point_count) >> 7,
             case when new_standings.award_count = additions.award_count then 0 else -1 end)
        ) as step (level, bucket, fans)
        group by new_standings.account_id, new_standings.board, step.level, step.bucket
        having sum(step.fans) <> 0
    ),
    count_fans as (
        insert into standing_buckets as b (account_id, board, level, bucket, fan_count)
        select account_id, board, level, bucket, fans from steps
        order by board, level, bucket
        on conflict (account_id, board, level, bucket) do update set fan_count = b.fan_count + excluded.fan_count
    ),
    point_progress as (
        insert into quest_progresses as p (account_id, fan_id, page_tab_id, progress_count, is_due)
        select $1::bigint, i.fan_id, q.page_tab_id, sum(i.point_count)::bigint, sum(i.point_count) >= q.target_count
        from inserted i
        join quests q on q.account_id = $1 and q.point_uid = i.point_uid and q.performance_uid is not null
            and q.quest_type = 'points' and {{moment}} >= q.starts_at and {{moment}} < q.ends_at
        where i.point_count > 0 and i.reward_uid is null
        group by i.fan_id, q.page_tab_id, q.target_count
        order by i.fan_id, q.page_tab_id
        on conflict (account_id, fan_id, page_tab_id) do update
        set progress_count = p.progress_count + excluded.progress_count,
            is_due = p.progress_count + excluded.progress_count >= (
                select q.target_count from quests q where q.account_id = $1 and q.page_tab_id = excluded.page_tab_id)
        where p.completed_at is null
        returning fan_id, is_due
    ),
    opened as (
        update quest_progresses p set is_due = true
        from inserted i
        join quests q on q.account_id = $1 and q.point_uid = i.point_uid and q.performance_uid is not null
            and q.access_restriction_type = 'points'
        where i.point_count > 0 and i.reward_uid is null
          and p.account_id = $1 and p.fan_id = i.fan_id and p.page_tab_id = q.page_tab_id
          and p.completed_at is null
        returning p.fan_id
    ),
    progress as (
        select fan_id from point_progress where is_due union select fan_id from opened
    ),
    announced as (
        {announce(POINTS_AWARDED, "inserted", position="fan_point_id", at=":now")}
    )
"""  # noqa: S608 - fixed parts
AFTER_AWARDS = STANDINGS.format(moment=":now")
# The same for awards of the past, which count for the quests of their time; `inserted` has their created_at.
AFTER_PAST_AWARDS = STANDINGS.format(moment="i.created_at")


async def recount_fans(db: Db, account_id: int, fan_ids: Sequence[int]) -> None:
    """Recompute the standings of fans, and the buckets that count them, from their awards.

    The caller has locked the fans' rows. Buckets are written in the same order as in AFTER_AWARDS.
    """
    await db.execute(RECOUNT, account_id, list(fan_ids))


RECOUNT = """
    with sums as (
        select fan_id, board, sum(point_count)::bigint as total, count(*) as award_count,
               sum(case when reward_uid is null then greatest(point_count, 0) else 0 end)::bigint as gain
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
        insert into standings as s (account_id, board, fan_id, total, award_count, gain)
        select $1, board, fan_id, total, award_count, gain from sums
        order by board, fan_id
        on conflict (account_id, board, fan_id) do update
        set total = excluded.total, award_count = excluded.award_count, gain = excluded.gain
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
