"""Reads the timeline of a fan: everything that all domains have of it, the latest first.

Each source ends at the page's limit by an index of the fan, so a page costs the same however many fans there are. A
page ends with all entries of its last moment, and the next goes on before: the cursor is that moment in microseconds.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from fanfare.fans.queries.business_limits import PERFORMANCE
from fanfare.fans.queries.fans import check_fan
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, Cursor, NextPage
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.wire import unix
from fanfare.profiles.schemas import DEFAULT_ROWS, KINDS, TimelineEntry, TimelineQuery

EPOCH, END = datetime.fromtimestamp(0, UTC), datetime(9999, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Source(NamedTuple):
    """A kind of entries as SQL: key, moment and the row's columns; its tables and their condition.

    `business` is whom an entry belongs to; what `is_shared` and belongs to none is part of the record, for everybody.
    """

    kind: str
    key: str
    moment: str
    tables: str
    details: str = "'{}'::jsonb"
    title: str = "null::text"
    entry_count: str = "null::bigint"
    amount: str = "null::numeric"
    currency: str = "null::text"
    campaign: str = "null::bigint"
    business: str = "null::bigint"
    is_shared: bool = False


# The business of an event, by the performance of its day.
OF_EVENT = f"""(select r.business_id from performances r
                       where r.account_id = $1 and {PERFORMANCE}
                       order by r.campaign_event_key = e.event_key desc nulls last, r.performance_uid limit 1)"""  # noqa: S608 - fixed parts
CAMPAIGN = "left join campaigns c on c.account_id = $1 and c.page_tab_id"
SOURCES = (
    Source(
        "created", "f.fan_id", "f.created_at", "from fans f where f.account_id = $1 and f.fan_id = :fan_id",
        title="f.fan_source", is_shared=True,
    ),
    Source(
        "activity", "a.activity_id", "a.created_at",
        f"from activities a {CAMPAIGN} = a.page_tab_id where a.account_id = $1 and a.fan_id = :fan_id",
        "a.props", "c.title", campaign="a.page_tab_id", business="c.business_id",
    ),
    Source(
        "wager", "w.wager_id", "w.created_at",
        f"from wagers w {CAMPAIGN} = w.page_tab_id where w.account_id = $1 and w.fan_id = :fan_id",
        title="c.title", entry_count="w.point_count", campaign="w.page_tab_id", business="c.business_id",
    ),
    Source(
        "post", "r.feed_record_id", "r.created_at",
        """from stream_records r left join streams s on s.account_id = $1 and s.stream_id = r.stream_id
           where r.account_id = $1 and r.fan_id = :fan_id""",
        "jsonb_build_object('network', r.network, 'record_status', r.record_status, 'caption', left(r.caption, 200))",
        "s.stream_name",
    ),
    Source(
        "click", "k.click_id", "k.clicked_at",
        f"""from tracker_clicks k left join trackers t on t.account_id = $1 and t.tracker_id = k.tracker_id
            {CAMPAIGN} = t.page_tab_id
            where k.account_id = $1 and k.fan_id = :fan_id and k.verdict = 'human'""",
        "jsonb_build_object('tracker_id', k.tracker_id)", "t.tracker_name", campaign="t.page_tab_id",
        business="c.business_id",
    ),
    Source(
        "ticket", "t.ticket_id", "t.purchased_at",
        """from tickets t left join ticket_events e on e.account_id = $1 and e.event_uid = t.event_uid
           where t.account_id = $1 and t.fan_id = :fan_id""",
        """jsonb_build_object('event_uid', t.event_uid, 'event_date', e.event_date, 'order_key', t.order_key,
                              'price_code', t.price_code, 'is_deleted', t.is_deleted)""",
        "e.event_name", "t.num_seats::bigint", "t.paid_amount", "t.currency", business=OF_EVENT,
    ),
    Source(
        "registration", "e.registration_id", "e.registered_at",
        "from registrations e where e.account_id = $1 and e.fan_id = :fan_id",
        "jsonb_build_object('event_date', e.event_date, 'venue_name', e.venue_name, 'network', e.network)",
        "e.event_name", business=OF_EVENT,
    ),
    Source(
        "scan", "s.scan_key", "s.scanned_at",
        """from registrations e
           join scans s on s.account_id = $1 and s.network = e.network and s.registration_key = e.registration_key
           where e.account_id = $1 and e.fan_id = :fan_id""",
        """jsonb_build_object('is_success', s.is_success, 'refusal', s.refusal, 'node_name', s.node_name,
                              'zone_name', s.zone_name)""",
        "coalesce(s.event_name, s.scan_group_name)", business=OF_EVENT,
    ),
    Source(
        "pass", "p.pass_uid", "coalesce(p.claimed_at, p.created_at)",
        f"""from passes p {CAMPAIGN} = p.page_tab_id
            where p.account_id = $1 and (p.fan_id = :fan_id or p.claim_fan_id = :fan_id)""",
        """jsonb_build_object('is_claimed', p.claimed_at is not null, 'is_cancelled', p.cancelled_at is not null,
                              'is_checked_in', p.checked_in_at is not null, 'event_key', p.event_key)""",
        "c.title", campaign="p.page_tab_id", business="c.business_id",
    ),
    Source(
        "check_in", "p.pass_uid", "p.checked_in_at",
        f"""from passes p {CAMPAIGN} = p.page_tab_id
            where p.account_id = $1 and (p.fan_id = :fan_id or p.claim_fan_id = :fan_id)
              and p.checked_in_at is not null""",
        "jsonb_build_object('gate_name', p.gate_name)", "c.title", campaign="p.page_tab_id", business="c.business_id",
    ),
    Source(
        "purchase", "p.purchase_id", "p.ordered_at",
        "from purchases p where p.account_id = $1 and p.fan_id = :fan_id",
        "jsonb_build_object('order_key', p.order_key, 'network', p.network)",
        "coalesce(p.product_name, p.order_key)", "p.quantity::bigint", "p.net_sale_amount", "p.currency",
    ),
    Source(
        "points", "w.fan_point_uid", "w.created_at",
        f"""from fan_points w left join points p on p.account_id = $1 and p.point_uid = w.point_uid
            {CAMPAIGN} = w.page_tab_id where w.account_id = $1 and w.fan_id = :fan_id""",
        "jsonb_build_object('point_source', w.point_source)", "p.point_name", "w.point_count",
        campaign="w.page_tab_id", business="c.business_id",
    ),
    Source(
        "reward", "r.reward_claim_id", "r.created_at",
        """from reward_claims r left join rewards w on w.account_id = $1 and w.reward_uid = r.reward_uid
           left join performances s on s.account_id = $1 and s.performance_uid = w.performance_uid
           where r.account_id = $1 and r.fan_id = :fan_id""",
        "jsonb_build_object('is_undone', r.undone_at is not null)", "w.reward_title", "r.point_count",
        business="s.business_id",
    ),
    Source(
        "message", "m.message_id", "m.created_at",
        "from messages m where m.account_id = $1 and m.fan_id = :fan_id",
        """jsonb_build_object('channel', m.channel, 'message_state', m.message_state,
                              'is_bounced', m.bounced_at is not null)""",
        "m.template_name", business="m.business_id",
    ),
    Source(
        "consent", "n.consent_id", "n.given_at",
        """from consents n left join businesses b on b.account_id = $1 and b.business_id = n.business_id
           where n.account_id = $1 and n.fan_id = :fan_id""",
        """jsonb_build_object('channel', n.channel, 'is_granted', n.is_granted, 'consent_source', n.consent_source)""",
        "b.business_name", business="n.business_id", is_shared=True,
    ),
    Source(
        "login", "s.session_id", "s.created_at", "from sessions s where s.account_id = $1 and s.fan_id = :fan_id",
        "jsonb_build_object('device_network', s.device_network)", "s.login_method", campaign="s.page_tab_id",
        business="s.business_id",
    ),
    Source(
        "tag", "g.tag_id", "g.created_at",
        """from fan_tags g join tags t on t.account_id = $1 and t.tag_id = g.tag_id
           where g.account_id = $1 and g.fan_id = :fan_id""",
        title="t.tag_name", is_shared=True,
    ),
    Source(
        "idol", "i.idol_uid", "i.created_at",
        """from fan_idols i join idols d on d.account_id = $1 and d.idol_uid = i.idol_uid
           where i.account_id = $1 and i.fan_id = :fan_id""",
        title="d.idol_name", is_shared=True,
    ),
    Source(
        "segment_entered", "m.filter_uid", "m.entered_at",
        """from (
               select l.filter_uid, l.filter_name, m.entered_at from filters l
               join segment_members m on m.account_id = $1 and m.filter_id = l.filter_id and m.fan_id = :fan_id
               where l.account_id = $1
               union all
               select l.filter_uid, l.filter_name, s.entered_at from segment_stays s
               join filters l on l.account_id = $1 and l.filter_id = s.filter_id
               where s.account_id = $1 and s.fan_id = :fan_id) m
           where true""",
        title="m.filter_name", is_shared=True,
    ),
    Source(
        "segment_left", "l.filter_uid", "s.left_at",
        """from segment_stays s join filters l on l.account_id = $1 and l.filter_id = s.filter_id
           where s.account_id = $1 and s.fan_id = :fan_id""",
        title="l.filter_name", is_shared=True,
    ),
    Source(
        "merge", "m.merge_id", "m.merged_at",
        "from fan_merges m where m.account_id = $1 and m.fan_id = :fan_id",
        "jsonb_build_object('merged_fan_id', m.absorbed_id, 'is_undone', m.undone_at is not null)", is_shared=True,
    ),
    Source(
        "unmerge", "m.merge_id", "m.undone_at",
        "from fan_merges m where m.account_id = $1 and m.fan_id = :fan_id and m.undone_at is not null",
        "jsonb_build_object('merged_fan_id', m.absorbed_id)", is_shared=True,
    ),
)  # fmt: skip
# Of a shared source, what belongs to one of the businesses, or to none; of another what belongs to one.
LIMITS = {
    False: ":business_ids::bigint[] is null or {0} = any(:business_ids::bigint[])",
    True: ":business_ids::bigint[] is null or {0} is null or {0} = any(:business_ids::bigint[])",
}
PARTS = [
    f"""(
    select '{each.kind}' as kind, ({each.key})::text as entry_key, {each.moment} as occurred_at,
           {each.title} as title, {each.entry_count} as entry_count,
           {each.amount} as amount, {each.currency} as currency,
           {each.campaign} as page_tab_id, {each.business} as business_id, {each.details} as details
    {each.tables} and {each.moment} < :end_at and '{each.kind}' = any(:kinds::text[])
      and ({LIMITS[each.is_shared].format(each.business)})
    order by {each.moment} desc fetch first (:limit) rows with ties)
    """
    for each in SOURCES
]
TIMELINE = Sql(f"""
    select kind, entry_key, occurred_at, title, entry_count, amount, currency, page_tab_id, business_id, details
    from ({" union all ".join(PARTS)}) entries where $1::bigint is not null
    order by occurred_at desc, kind, entry_key
""")  # noqa: S608 - fixed parts


async def timeline(
    db: Db, account_id: int, query: TimelineQuery, business_ids: Sequence[int] | None = None
) -> ArrayPage[TimelineEntry]:
    """Return a page of a fan's timeline; Unknown (404) fan. With `business_ids` only what belongs to these."""
    limit = query.limit or DEFAULT_ROWS
    rows = await db.rows(
        TIMELINE,
        account_id,
        fan_id=query.fan_id,
        end_at=_moment(query.cursor),
        kinds=query.kinds or list(KINDS),
        business_ids=None if business_ids is None else list(business_ids),
        # One more of each source, so that a page says whether there are more.
        limit=limit + 1,
    )
    if not rows:
        await check_fan(db, account_id, query.fan_id)
    moments = [row["occurred_at"] for row in rows]
    # All that happened at the moment at which the page ends is on it.
    end = next((place for place in range(limit, len(rows)) if moments[place] != moments[limit - 1]), len(rows))
    has_more = len(rows) > limit
    cursor = str(Cursor("desc", (moments[end - 1] - EPOCH) // MICROSECOND)) if has_more else None
    return ArrayPage([_entry(dict(row)) for row in rows[:end]], NextPage("cursor", cursor, has_more))


def _moment(cursor: Cursor | None) -> datetime:
    """Return the moment before which a page begins."""
    limit = (END - EPOCH) // MICROSECOND
    return END if cursor is None else EPOCH + MICROSECOND * min(cursor.position, limit)


def _entry(row: dict[str, Any]) -> TimelineEntry:
    moment = row.pop("occurred_at")
    return TimelineEntry(occurrence_timestamp=unix(moment), **row)
