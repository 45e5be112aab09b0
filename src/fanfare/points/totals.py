"""Totals of points."""

from fanfare.kernel.data.totals import Total

TOTALS = (
    # Awards of an erased fan stay and count for nobody.
    Total(
        "points of fans on boards",
        """
        select board || ' ' || fan_id as key, concat_ws(' ', total, award_count, gain) as figure
        from standings where account_id = $1
        """,
        """
        select board || ' ' || p.fan_id as key,
               concat_ws(' ', sum(p.point_count), count(*),
                         sum(case when p.reward_uid is null then greatest(p.point_count, 0) else 0 end)) as figure
        from fan_points p
        join fans f on f.account_id = p.account_id and f.fan_id = p.fan_id
        cross join lateral (values ('point:' || p.point_uid), ('campaign:' || p.page_tab_id)) as b (board)
        where p.account_id = $1 and board is not null
        group by board, p.fan_id
        """,
    ),
    Total(
        "fans in ranges of points",
        """
        select concat_ws(' ', board, level, bucket) as key, fan_count as figure
        from standing_buckets where account_id = $1
        """,
        """
        select concat_ws(' ', board, level, bucket) as key, count(*) as figure
        from standings
        cross join lateral (values (0, standing_bucket(total)), (1, standing_bucket(total) >> 7)) as b (level, bucket)
        where account_id = $1
        group by board, level, bucket
        """,
    ),
)
