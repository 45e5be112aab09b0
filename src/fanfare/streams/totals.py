"""Totals of streams. A stream that is being deleted has none: its counts go at the end, with its row."""

from fanfare.kernel.data.totals import Total

STREAMS = "select stream_id from streams where account_id = $1 and deleted_at is null"
TOTALS = (
    Total(
        "records of streams by day and label",
        f"""
        select concat_ws(' ', stream_id, record_date, label_key) as key,
               concat_ws(' ', stored_count, approved_count, reach) as figure
        from stream_days
        where account_id = $1 and stream_id in ({STREAMS}) and (stored_count, approved_count, reach) <> (0, 0, 0)
        """,  # noqa: S608 - constants
        f"""
        select concat_ws(' ', stream_id, (created_at at time zone 'UTC')::date, label_key) as key,
               concat_ws(' ', count(*), count(time_position),
                         coalesce(sum(reach) filter (where time_position is not null), 0)) as figure
        from stream_records cross join unnest(labels || ''::text) as label (label_key)
        where account_id = $1 and stream_id in ({STREAMS})
        group by stream_id, (created_at at time zone 'UTC')::date, label_key
        """,  # noqa: S608 - constants
    ),
    Total(
        "records of authors",
        f"""
        select author_id::text as key, concat_ws(' ', stored_count, approved_count) as figure
        from stream_authors where account_id = $1 and stream_id in ({STREAMS}) and stored_count > 0
        """,  # noqa: S608 - constants
        f"""
        select author_id::text as key, concat_ws(' ', count(*), count(time_position)) as figure
        from stream_records where account_id = $1 and stream_id in ({STREAMS})
        group by author_id
        """,  # noqa: S608 - constants
    ),
    Total(
        "authors of streams",
        f"""
        select stream_id::text as key, author_count as figure from stream_author_counts
        where account_id = $1 and stream_id in ({STREAMS})
        """,  # noqa: S608 - constants
        f"""
        select stream_id::text as key, count(*) as figure from stream_authors
        where account_id = $1 and stream_id in ({STREAMS}) and approved_count > 0
        group by stream_id
        """,  # noqa: S608 - constants
    ),
    # A search goes through slices: it would miss a record outside of its slice.
    # The last record of a slice of the migration is where the next one begins.
    Total(
        "approved records in slices",
        f"""
        select feed_record_id::text as key, 1 as figure
        from stream_records r
        join (select stream_id, slice_position,
                     lead(slice_position) over (partition by stream_id order by slice_position) as next_position
              from stream_slices where account_id = $1) as s using (stream_id, slice_position)
        where account_id = $1 and stream_id in ({STREAMS}) and r.time_position > s.slice_position
          and (s.next_position is null or r.time_position <= s.next_position)
        """,  # noqa: S608 - constants
        f"""
        select feed_record_id::text as key, 1 as figure
        from stream_records where account_id = $1 and stream_id in ({STREAMS}) and time_position is not null
        """,  # noqa: S608 - constants
    ),
)
