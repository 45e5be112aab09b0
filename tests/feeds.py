"""Every list that grows by itself: a statement that adds rows to all of them, and how a client follows each.

`campaign`, `fan` in a path or parameter stand for the ids of the account that `settle` makes.
"""

import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from fanfare.kernel.data.db import Db
from tests.api import Answer, Api

Row = dict[str, Any]
DAYS = {"start_date": "2026-02-01", "end_date": "2026-04-01"}

# Adds $3 rows of writer $2 at the moment $4 to each list of account $1; returns a position of each round.
WRITE = """
    with hold as materialized (select hold_position($1) as held),
    place as materialized (
        select hold.held, (select min(page_tab_id) from campaigns where account_id = $1) as page_tab_id,
               (select min(fan_id) from fans where account_id = $1) as fan_id,
               (select min(tag_id) from tags where account_id = $1) as tag_id,
               (select min(point_uid::text)::uuid from points where account_id = $1) as point_uid,
               (select min(event_uid::text)::uuid from ticket_events where account_id = $1) as event_uid,
               (select min(tab_item_id) from campaign_items where account_id = $1) as tab_item_id
        from hold
    ),
    each as materialized (
        select place.page_tab_id, place.fan_id, place.tag_id, place.point_uid, place.event_uid, place.tab_item_id,
               nextval('positions') as position, $2 || '-' || gen_random_uuid() as key
        from place cross join generate_series(1, $3::integer)
    ),
    activity as (
        insert into activities (account_id, activity_id, fan_id, page_tab_id, created_at)
        select $1, nextval('positions'), fan_id, page_tab_id, $4 from each
    ),
    ticket as (
        insert into tickets (account_id, ticket_id, fan_id, event_uid, purchased_at, created_at, updated_at, num_seats,
                             paid_amount, currency, ticket_key)
        select $1, nextval('positions'), fan_id, event_uid, $4, $4, $4, 1, 1, 'CAD', key from each
    ),
    purchase as (
        insert into purchases (account_id, network, purchase_key, purchase_id, ordered_at, created_at, updated_at,
                               gross_sale_amount, net_sale_amount, currency, order_key, merchant_key)
        select $1, 'shop', key, nextval('positions'), $4, $4, $4, 1, 1, 'CAD', 'o', 'm' from each
    ),
    product as (
        insert into products (account_id, network, product_key, product_name, created_at, updated_at, product_id)
        select $1, 'shopify', key, 'Scarf', $4, $4, nextval('positions') from each
    ),
    registration as (
        insert into registrations (account_id, network, registration_key, registration_id, fan_id, registered_at,
                                   created_at, updated_at, event_name, event_date)
        select $1, 'festival', key, nextval('positions'), fan_id, $4, $4, $4, 'Tideline', '2026-07-03' from each
    ),
    scan as (
        insert into scans (account_id, scan_key, network, source_key, scan_group_name, scanned_at, created_at,
                           is_success)
        select $1, nextval('positions'), 'festival', key, 'Tideline', $4, $4, true from each
    ),
    pass as (
        insert into passes (account_id, pass_uid, pass_id, pass_code, page_tab_id, created_at, updated_at)
        select $1, gen_random_uuid(), nextval('positions'), right('0000000' || position, 8), page_tab_id, $4, $4
        from each
    ),
    booking as (
        insert into fan_points (account_id, fan_point_id, fan_point_uid, fan_id, point_uid, point_count, page_tab_id,
                                created_at)
        select $1, nextval('positions'), gen_random_uuid(), fan_id, point_uid, position, page_tab_id, $4 from each
    ),
    event as (
        insert into campaign_events (account_id, event_id, page_tab_id, target, occurred_at)
        select $1, nextval('positions'), page_tab_id, 'chat_history', $4 from each
    ),
    wager as (
        insert into wagers (account_id, wager_id, page_tab_id, tab_item_id, fan_id, item_count, point_count, created_at)
        select $1, nextval('positions'), page_tab_id, tab_item_id, fan_id, 1, 1, $4 from each
    ),
    merge as (
        insert into fan_merges (account_id, merge_id, absorbed_id, fan_id, merge_source, merged_at)
        select $1, nextval('positions'), position, fan_id, 'test', $4 from each
    ),
    erasure as (
        insert into erasures (account_id, erasure_id, fan_id, former_ids, erasure_source, erased_at, table_counts,
                              digest)
        select $1, nextval('positions'), position, '{}', 'test', $4, '[]', 'd' from each
    ),
    fan as (
        insert into fans (account_id, created_at, updated_at, position)
        select $1, $4, $4, nextval('positions') from each
        returning fan_id
    ),
    tagged as (
        insert into fan_tags (account_id, tag_id, fan_id, created_at, position)
        select $1, place.tag_id, fan.fan_id, $4, nextval('positions') from place cross join fan
    )
    select position from each
"""


class Feed(NamedTuple):
    """A list: where it is, which rows there are (each by what `key` tells of an answer's row), and how it goes on.

    `follow` names the parameter to go on with and the field of meta that holds its value; of a bare array the value is
    in a header. `down` says that the list begins with its newest row and is followed down to the last one seen.
    """

    path: str
    key: Callable[[Row], str]
    rows_sql: str
    values: Row
    follow: tuple[str, str] = ("cursor", "")
    down: bool = False
    # most rows of a page that may be asked for with `limit`; 0 when the page has a fixed size
    limit: int = 1
    # the field of a row that holds those of the list
    nested: str = ""


def by(*names: str) -> Callable[[Row], str]:
    return lambda row: " ".join(str(row[name]) for name in names)


def ids(table: str, column: str, extra: str = "") -> str:
    return f"select ({column})::text from {table} where account_id = $1 {extra}"


ASC = {"order": "asc"}
SCANS = {"network": "festival", "scan_group_name": "Tideline", **DAYS}
STATS = "campaigns/{campaign}/detailed_stats"
ACTIVITIES = ids("activities", "activity_id")
POINTS = ids("fan_points", "fan_point_id")
REGISTRATIONS = ids("registrations", "registration_key")
FEEDS = {
    "crm_activities_list": Feed(
        "crm/activities", by("activity_id"), ACTIVITIES, {"min_activity_id": 0}, ("min_activity_id", "max_activity_id")
    ),
    "crm_activities_list down": Feed(
        "crm/activities", by("activity_id"), ACTIVITIES, {}, ("max_activity_id", "min_activity_id"), down=True
    ),
    "crm_fan_activities_list": Feed(
        "crm/fans/{fan}/activities", by("activity_id"), ACTIVITIES, {}, ("max_activity_id", ""), down=True
    ),
    "campaigns_fan_activities": Feed(
        "campaigns/{campaign}/fan_activities", by("activity_id"), ACTIVITIES, {"min_activity_id": 0},
        ("min_activity_id", ""),
    ),
    "crm_tickets_list": Feed(
        "crm/tickets", by("ticket_id"), ids("tickets", "ticket_id"), {"min_ticket_id": 0},
        ("min_ticket_id", "max_ticket_id"),
    ),
    "crm_purchases_search": Feed(
        "crm/purchases", by("purchase_key"), ids("purchases", "purchase_key"), {"network": "shop", **DAYS},
        ("next_purchase_key", "next_purchase_key"), limit=0,
    ),
    "shopify_products_search": Feed(
        "shopify/products", by("product_key"), ids("products", "product_key"), {}
    ),
    "manage_products_list": Feed("manage/products", by("product_key"), ids("products", "product_key"), {}),
    "crm_registrations_search": Feed(
        "crm/registrations", by("registration_key"), REGISTRATIONS, {**DAYS, **ASC}, ("cursor", "next_cursor")
    ),
    "crm_fan_registrations_list": Feed(
        "crm/fans/{fan}/registrations", by("registration_key"), REGISTRATIONS, ASC
    ),
    "crm_registration_scans_list": Feed(
        "crm/registrations/scans", by("scan_key"), ids("scans", "scan_key"), SCANS, ("next_scan_key", "next_scan_key"),
        limit=0,
    ),
    "manage_passes_list": Feed(
        "manage/campaigns/{campaign}/passes", by("pass_id"), ids("passes", "pass_id"), {},
        ("next_pass_id", "next_pass_id"), limit=0,
    ),
    "crm_fan_points_list": Feed(
        "crm/fan_points", by("fan_point_uid"), ids("fan_points", "fan_point_uid"), {**DAYS, **ASC}
    ),
    "campaigns_fan_points": Feed(
        "campaigns/{campaign}/fan_points", by("point_count"), ids("fan_points", "point_count"), ASC
    ),
    "campaigns_detailed_stats": Feed(
        STATS, by("event_id"), ids("campaign_events", "event_id"), {"target": "chat_history", "min_event_id": 0},
        ("min_event_id", ""),
    ),
    "campaigns_detailed_stats wagers": Feed(
        STATS, by("wager_id"), ids("wagers", "wager_id"), {"target": "wager_points", "min_event_id": 0},
        ("min_event_id", ""),
    ),
    "campaigns_wager_entries": Feed(
        "campaigns/{campaign}/wager_entries", by("wager_id"), ids("wagers", "wager_id"), {}, nested="wagers"
    ),
    "campaigns_detailed_stats points": Feed(
        STATS, by("fan_point_id"), POINTS, {"target": "fan_points", "min_event_id": 0}, ("min_event_id", "")
    ),
    "crm_tags_list": Feed("crm/tags", by("tag_id", "fan_id"), ids("fan_tags", "tag_id || ' ' || fan_id"), DAYS),
    "crm_fans_latest": Feed(
        "crm/fans/latest", by("fan_id"), ids("fans", "fan_id"), {}, ("min_time_key", "max_fan_time_key"), limit=0
    ),
    "manage_merges_list": Feed(
        "manage/merges", by("merge_id"), ids("fan_merges", "merge_id"), {}, ("max_merge_id", "min_merge_id"), down=True
    ),
    "manage_erasures_list": Feed(
        "manage/erasures", by("erasure_id"), ids("erasures", "erasure_id"), {}, ("max_erasure_id", "min_erasure_id"),
        down=True,
    ),
}  # fmt: skip


async def settle(api: Api, db: Db, when: Any) -> dict[str, Any]:
    """Make what the rows belong to; return what stands for `campaign` and `fan`."""

    async def post(path: str, **values: Any) -> Any:
        return await api.ok(await api.post(f"/api/v1/{path}", **values))

    fan = (await post("crm/fans", email=f"{uuid.uuid4()}@example.com"))["fan_id"]
    await post("manage/tags/fans", tag_name="early", fan_ids=[fan])
    await post("manage/points", point_name="Loyalty")
    campaign = (await post("manage/campaigns", title="Quiz", app_type="wager"))["page_tab_id"]
    await post(f"manage/campaigns/{campaign}/items", title="Home wins")
    await db.execute(
        "insert into ticket_events (account_id, event_uid, event_date, created_at, updated_at, event_name)"
        " values ($1, $2, '2026-07-03', $3, $3, 'Final')",
        api.account_id,
        uuid.uuid4(),
        when,
    )
    # What is told of the fan's own tag lies outside the window of the feeds.
    await db.execute("delete from fan_tags where account_id = $1", api.account_id)
    return {"campaign": campaign, "fan": fan}


async def store(api: Api, db: Db, feed: Feed) -> list[str]:
    """Return the keys of the rows that the list must show."""
    return sorted(row[0] for row in await db.rows(feed.rows_sql, api.account_id))


async def pages(api: Api, feed: Feed, place: Row, values: Row, *, by_has_more: bool) -> AsyncIterator[list[str]]:
    """Yield the pages of a list from some parameters on, and put into them where to continue.

    Stop as a generic client does: by has_more, or the link of a bare array. Or by the contract: when a page is empty,
    or says no more where to continue.
    """
    parameter, field = feed.follow
    while True:
        answer = await api.get(f"/api/v1/{feed.path.format(**place)}", **values)
        rows = await api.ok(answer)
        meta = rows["meta"] if isinstance(rows, dict) else None
        rows = rows["data"] if meta is not None else rows
        rows = [each for row in rows for each in row[feed.nested]] if feed.nested else rows
        following = meta.get(field) if meta is not None else answer.headers.get("x-next-cursor")
        if following is not None:
            values[parameter] = following
        elif rows and parameter == "next_purchase_key":
            values[parameter] = rows[-1]["purchase_key"]
        yield [feed.key(row) for row in rows]
        has_more = meta["has_more"] if meta is not None else linked(answer, parameter)
        if not has_more if by_has_more else not rows or following is None:
            return


def linked(answer: Answer, parameter: str) -> bool:
    """Say whether a link leads on; it leads where the cursor does, and carries no key."""
    link = answer.links.get("next")
    if link is None:
        return False
    query = dict(parse_qsl(urlsplit(link["url"]).query))
    assert query[parameter] == answer.headers["x-next-cursor"]
    assert not {"api_key", "api_secret"} & set(query)
    return True
