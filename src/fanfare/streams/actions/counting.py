"""Keeps the counts of streams: parts of the statements that store, change and delete records."""


def count(changes: str) -> str:
    """Return the CTEs that add the changes of records to the counts by day and label, and by author.

    `changes` is a CTE with a row for what is added or (negative) taken away: stream_id, author_id, created_at, labels,
    stored, approved and reach.
    """
    return f"""
    day_counts as (
        insert into stream_days as d (
            account_id, stream_id, label_key, record_date, stored_count, approved_count, reach)
        select $1, c.stream_id, label.label_key, (c.created_at at time zone 'UTC')::date, sum(c.stored),
               sum(c.approved), sum(c.reach)
        from {changes} c cross join unnest(c.labels || ''::text) as label (label_key)
        group by 2, 3, 4
        having sum(c.stored) <> 0 or sum(c.approved) <> 0 or sum(c.reach) <> 0
        order by 2, 3, 4
        on conflict (account_id, stream_id, label_key, record_date) do update
        set stored_count = d.stored_count + excluded.stored_count,
            approved_count = d.approved_count + excluded.approved_count, reach = d.reach + excluded.reach
    ),
    author_counts as (
        update stream_authors as a
        set stored_count = a.stored_count + c.stored, approved_count = a.approved_count + c.approved
        from (select author_id, sum(stored) as stored, sum(approved) as approved from {changes} group by 1) as c
        where a.account_id = $1 and a.author_id = c.author_id and (c.stored <> 0 or c.approved <> 0)
        returning a.stream_id,
                  (a.approved_count > 0)::int - (a.approved_count - c.approved > 0)::int as difference
    ),
    stream_counts as (
        insert into stream_author_counts as s (account_id, stream_id, author_count)
        select $1, stream_id, sum(difference) from author_counts group by 2 having sum(difference) <> 0 order by 2
        on conflict (account_id, stream_id) do update set author_count = s.author_count + excluded.author_count
    )"""  # noqa: S608 - constants


def additions(source: str) -> str:
    """Return the rows of `count` that add the records of a source."""
    return f"""
        select stream_id, author_id, created_at, labels, 1 as stored, (record_status = 'approved')::int as approved,
               case record_status when 'approved' then reach else 0 end as reach
        from {source}"""  # noqa: S608 - constants


def removals(source: str) -> str:
    """Return the rows of `count` that take the records of a source away."""
    return f"""
        select stream_id, author_id, created_at, labels, -1 as stored, -(record_status = 'approved')::int as approved,
               case record_status when 'approved' then -reach else 0 end as reach
        from {source}"""  # noqa: S608 - constants
