"""Totals of streams."""

from fanfare.kernel.data.totals import Total

TOTALS = (
    Total(
        "records of streams by day and label",
        """
        select concat_ws(' ', stream_id, record_date, label_key) as key,
               concat_ws(' ', stored_count, approved_count, reach) as figure
        from stream_days where account_id = $1 and (stored_count, approved_count, reach) <> (0, 0, 0)
        """,
        """
        select concat_ws(' ', stream_id, (created_at at time zone 'UTC')::date, label_key) as key,
               concat_ws(' ', count(*), count(time_position),
                         coalesce(sum(reach) filter (where time_position is not null), 0)) as figure
        from stream_records cross join unnest(labels || ''::text) as label (label_key)
        where account_id = $1
        group by stream_id, (created_at at time zone 'UTC')::date, label_key
        """,
    ),
    Total(
        "records of authors",
        """
        select author_id::text as key, concat_ws(' ', stored_count, approved_count) as figure
        from stream_authors where account_id = $1 and stored_count > 0
        """,
        """
        select author_id::text as key, concat_ws(' ', count(*), count(time_position)) as figure
        from stream_records where account_id = $1
        group by author_id
        """,
    ),
    Total(
        "authors of streams",
        "select stream_id::text as key, author_count as figure from stream_author_counts where account_id = $1",
        """
        select stream_id::text as key, count(*) as figure from stream_authors
        where account_id = $1 and approved_count > 0
        group by stream_id
        """,
    ),
)
