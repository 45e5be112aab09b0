"""The statements of pages of approved records.

Without a filter a page is read in the order of positions. With one, the slices of the stream are gone through in that
order, and each gives what the indexes find in it, until the page is full. So a search reads rows of few slices, and of
none that has no match.
"""

from collections.abc import Collection, Mapping
from itertools import product
from typing import Any

from fanfare.kernel.data.sql import Sql

# Authors of these networks have keys that identify people.
HIDDEN_KEYS = "('direct', 'form', 'mail')"
COLUMNS = f"""
    r.feed_record_id, r.record_key, r.props, r.created_at, r.picture_key, r.image_url, r.video_url, r.caption,
    r.network, r.record_url, r.latitude, r.longitude, r.links, r.author_id, r.labels, r.sku, r.time_position,
    r.approved_at, r.record_status, r.stored_at,
    case when r.network in {HIDDEN_KEYS} then null else a.author_key end as author_user_key,
    a.screen_name, a.author_name, a.picture_key as author_picture_key, a.author_status
"""
RECORD = """
    r.account_id, r.feed_record_id, r.record_key, r.props, r.created_at, r.picture_key, r.image_url, r.video_url,
    r.caption, r.network, r.record_url, r.latitude, r.longitude, r.links, r.author_id, r.labels, r.sku,
    r.time_position, r.approved_at, r.record_status, r.stored_at
"""
JOIN = "join stream_authors a on a.account_id = r.account_id and a.author_id = r.author_id"
# What each filter asks of a record of a slice: an index of terms and one of places, which PostgreSQL can combine.
IN_SLICE = "r.slice_position = s.slice_position"
FILTER_CONDITIONS = {
    "terms": f"{IN_SLICE} and r.terms @> :terms::text[]",
    "networks": f"{IN_SLICE} and r.terms && :networks::text[]",
    "south": """
        - r.slice_position = - s.slice_position
        and r.latitude between :south and :north and r.longitude between :west and :east
    """,
}
ORDERS = ("asc", "desc")
Filters = frozenset[str]


# Only slices with a record in the box, which is soon known.
HAS_PLACE = f"""
    and (select true from stream_records r where r.account_id = $1 and {FILTER_CONDITIONS["south"]} limit 1)
"""  # noqa: S608 - constants


def combines_indexes(filters: Collection[str]) -> bool:
    """Return whether a search needs both indexes."""
    return "south" in filters and ("terms" in filters or "networks" in filters)


def _page(source: str, order: str) -> Sql:
    # `offset 0`: record by record, however many rows PostgreSQL 15 expects of the page.
    return Sql(f"""
        with page as materialized ({source})
        select {COLUMNS} from page p
        cross join lateral (
            select {RECORD} from stream_records r
            where r.account_id = $1 and r.feed_record_id = p.feed_record_id
            offset 0
        ) r {JOIN}
        order by r.time_position {order}
    """)  # noqa: S608 - constants


def _by_position(order: str) -> str:
    return f"""
        select r.feed_record_id from stream_records r
        where r.account_id = $1 and r.stream_id = :stream_id and r.time_position > :low and r.time_position < :high
        order by r.time_position {order} limit :limit
    """  # noqa: S608 - constants


def _filtered(filters: Filters, order: str) -> str:
    conditions = " and ".join(FILTER_CONDITIONS[name] for name in sorted(filters))
    has_place = HAS_PLACE if combines_indexes(filters) else ""
    # `offset 0` keeps the conditions of the positions, and their order, out of the reading of a slice. `+ 0`: with both
    # bounds PostgreSQL 15 expects a single slice, and reads all of them before it sorts.
    return f"""
        select r.feed_record_id
        from (
            select s.slice_position from stream_slices s
            where s.account_id = $1 and s.stream_id = :stream_id and s.slice_position < :high
              and s.slice_position + 0 >= coalesce((
                  select max(b.slice_position) from stream_slices b
                  where b.account_id = $1 and b.stream_id = :stream_id and b.slice_position <= :low), 0)
              {has_place}
            order by s.slice_position {order}
        ) as s
        cross join lateral (
            select r.feed_record_id, r.time_position from stream_records r
            where r.account_id = $1 and {conditions}
            offset 0
        ) as r
        where r.time_position > :low and r.time_position < :high
        order by s.slice_position {order}, r.time_position {order} limit :limit
    """  # noqa: S608 - constants


PAGES: Mapping[tuple[Filters, str], Sql] = {
    (filters, order): _page(_filtered(filters, order) if filters else _by_position(order), order)
    for order in ORDERS
    for filters in (
        frozenset(name for name, is_there in zip(FILTER_CONDITIONS, each, strict=True) if is_there)
        for each in product((False, True), repeat=len(FILTER_CONDITIONS))
    )
}


# The last slice of so many, and the one after it.
LAST_SLICES: Mapping[str, str] = {
    order: f"""
        select slice_position from stream_slices
        where account_id = $1 and stream_id = $2 and slice_position < $4
          and slice_position >= coalesce((
              select max(b.slice_position) from stream_slices b
              where b.account_id = $1 and b.stream_id = $2 and b.slice_position <= $3), 0)
        order by slice_position {order} offset $5 - 1 limit 2
    """  # noqa: S608 - orders
    for order in ORDERS
}


def page_statement(values: Mapping[str, Any], order: str) -> Sql:
    """Return the statement of a page for the filters that are among the values."""
    return PAGES[frozenset(name for name in FILTER_CONDITIONS if name in values), order]
