"""A right call of every endpoint, and one real value of each kind of id: what the rules over all calls stand on.

The values of an account are made through the calls themselves. A parameter that bears an id and stands in none of the
tables is a fault of tests/rules/test_tenancy.py, which says what to add.
"""

import copy
import json
import re
import uuid
from collections.abc import Container, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from fanfare import app
from fanfare.hosted.actions import login_codes
from fanfare.kernel.parameters import slots
from fanfare.kernel.web import openapi
from fanfare.kernel.web.endpoint import Endpoint
from fanfare.kernel.wire import FlagForm
from tests.ads.made import made_ads
from tests.api import Api
from tests.draws.made import DRAW_CALLS, made_draws
from tests.hosted.logins import code_in, submit
from tests.hosted.pages import visitor
from tests.imports.made import BULK_IDS, IMPORT_CALLS, OBJECT_KEYS, made_imports
from tests.messages.made import made_messages
from tests.performances.made import QUEST_CALLS, made_performance
from tests.purchases.made import made_shop
from tests.reports.made import made_reports
from tests.sessions.made import made_identities, made_sessions
from tests.staff.made import made_staff
from tests.streams.made import made_streams
from tests.tickets.made import EVENT_CALLS, EVENT_IDS, made_tickets
from tests.trackers.made import made_trackers
from tests.webhooks.made import made_webhooks

ENDPOINTS = app.endpoints()
DOCUMENT = openapi.document(ENDPOINTS, "0")
Values = dict[str, Any]
# A site that the login page may lead back to, as in the example of the call.
SITE = "https://www.example.com/login"
BEARS_AN_ID = re.compile(r".*(_id|_ids|_uid|_uids|_key|_keys|_cursor)")

# Another name of the parameter for a kind that `made_values` makes.
SAME_AS = {
    "fan_ids": "fan_id",
    "after_fan_id": "fan_id",
    "winner_fan_id": "fan_id",
    "page_tab_ids": "page_tab_id",
    "referral_page_tab_id": "page_tab_id",
    "target_page_tab_id": "page_tab_id",
    "required_page_tab_ids": "quest_page_tab_id",
    **{f"max_{noun}_id": f"{noun}_id" for noun in ("erasure", "erasure_request", "fan_job", "merge", "message")},
    **BULK_IDS,
    **EVENT_IDS,
    "min_activity_id": "activity_id",
    "max_activity_id": "activity_id",
    "min_ticket_id": "ticket_id",
    "max_ticket_id": "ticket_id",
    "min_event_id": "event_id",
    "feed_record_ids": "feed_record_id",
    "max_time_key": "min_time_key",
    "fan_excl_snapshot_uids": "snapshot_uid",
    "fan_incl_snapshot_uids": "snapshot_uid",
    "next_pass_id": "pass_id",
    "next_purchase_key": "purchase_key",
    "next_scan_key": "scan_key",
    "business_": "business_id",
    "business_ids": "business_id",
}
# Ids that callers choose: each account has its own, and another's means nothing.
CHOSEN = frozenset({
    "bestring_location_group_id", "atvenu_sales_event_key", "bestring_promotion_id", "campaign_event_key", "channel_id",
    "atvenu_promo_key", "fb_ad_account_id", "registration_key", "ad_account_key", "check_in_key", "customer_key",
    "discovery_id", "location_key", "merchant_key", "fb_event_id", "product_key", "spotify_uid", "tracker_key", "rp_id",
    "client_ids", "ticket_key", "artist_id", "award_key", "claim_key", "device_id", "event_key", "label_key", "team_id",
    "lookup_id", "media_uid", "order_key", "venue_uid", "user_key", "key_id", "sso_client_id", *OBJECT_KEYS,
})  # fmt: skip
# Kinds that nobody can have yet. Each leaves this list together with the domain that makes them.
NOT_YET = frozenset({"request_uid"})
# An item on which nothing is placed stays free to be deleted.
INSTEAD = {
    ("manage_campaign_wagers_create", "tab_item_id"): "wagered_item_id",
    ("campaigns_pass_check_in", "pass_uid"): "used_pass_uid",
    ("manage_fans_erase", "fan_id"): "spare_fan_id",
    ("manage_fans_comparison", "merged_fan_id"): "host_fan_id",
    ("manage_fans_unmerge_preview", "fan_id"): "host_fan_id",
    ("manage_fans_unmerge_preview", "merged_fan_id"): "guest_fan_id",
    ("manage_streams_delete", "stream_key"): "spare_stream_key",
    **{(each, "page_tab_id"): "quest_page_tab_id" for each in QUEST_CALLS},
    **IMPORT_CALLS,
    **DRAW_CALLS,
    **EVENT_CALLS,
    ("manage_passes_cancel", "pass_uid"): "spare_pass_uid",
    ("sessions_delete", "session_uid"): "spare_session_uid",
    ("manage_passkeys_delete", "passkey_id"): "spare_passkey_id",
    **{
        (f"sessions_passkeys_{verb}", "session_uid"): "member_session_uid"
        for verb in ("options", "create", "list", "update", "delete")
    },
}
# Ids within another parameter: how the whole looks with one of them.
WITHIN: dict[tuple[str, str], Any] = {
    ("idol_fans", "idol_uid"): lambda value: [json.dumps({"email": "ada@example.com", "idol_uid": value})],
    ("idol_fans", "user_key"): lambda value: [
        json.dumps({"user_key": value, "network": "facebook", "idol_name": "Northside FC"})
    ],
    ("events", "fan_id"): lambda value: [{"target": "chat_history", "fan_id": value}],
}
# What works in one call alone, by the kind that `made_values` makes.
WORKING_ONCE = {
    "manage_segments_overlap": {"segments": "segment_pair"},
    "crm_access_token_create": {"code": "login_code"},
    "crm_access_token_get": {"code": "second_login_code"},
    "manage_shopify_shop_save": {"shop_url": "shop_url", "access_token": "shop_token"},
}
# What is needed beside ids and beyond the example.
NEEDED: dict[str, Values] = {
    "campaigns_detailed_stats": {"target": "chat_history"},
    "crm_display_name_check": {"display_name": "Ada"},
    "crm_fan_points_leaderboard": {"point_name": "Loyalty", "start_date": "2026-01-01", "end_date": "2199-01-01"},
    "crm_fan_points_list": {"start_date": "2026-01-01", "end_date": "2199-01-01"},
    "crm_registration_scans_list": {
        "network": "festival",
        "scan_group_name": "Tideline",
        "start_date": "2026-01-01",
        "end_date": "2199-01-01",
    },
    "crm_purchases_search": {"network": "shop", "start_date": "2026-01-01", "end_date": "2199-01-01"},
    "crm_ticket_stats": {"min_purchase_date": "2026-01-01", "max_purchase_date": "2199-01-01"},
    "ad_stats_campaigns_list": {"start_date": "2026-01-01", "end_date": "2029-01-01"},
    "manage_ad_sales_list": {"start_date": "2026-01-01", "end_date": "2029-01-01"},
    "ad_stats_list": {"start_date": "2026-01-01", "end_date": "2029-01-01"},
    "manage_orders_get": {"network": "shop"},
    "manage_tickets_sales": {"min_purchase_date": "2026-01-01", "max_purchase_date": "2029-01-01"},
    "manage_campaigns_days": {"start_date": "2026-01-01", "end_date": "2026-02-01"},
    "manage_display_name_words_delete": {"word": "grue"},
    "manage_display_name_words_save": {"word": "gruesome", "is_allowed": True},
    "manage_fans_identifiers_add": {"network": "yinzcam", "identifier_value": "yz-2"},
    "manage_fans_identifiers_delete": {"network": "yinzcam", "identifier_value": "yz-1"},
    "manage_fans_visibility": {"is_hidden": True},
    "manage_passkey_origins_create": {"origin": "https://shop.example.com", "rp_id": "example.com"},
    "manage_points_create": {"point_name": "Gold"},
    **{name: {"prop_name": "man-of-the-match"} for name in ("manage_props_delete", "props_save")},
    "manage_snapshots_create": {"snapshot_name": "Closing night"},
    "manage_tags_create": {"tag_name": "away day"},
    "sessions_lookup": {"email": "ada@example.com"},
    "trackers_events_list": {"start_timestamp": 0, "end_timestamp": 4_000_000_000},
    "manage_push_tokens_delete": {"push_token": "t" * 40},
    "yinzcam_push_tokens_save": {"push_token": "t" * 40, "device_network": "ios"},
    # the example's names are those of what is there already
    "idols_create": {"idol_name": "Southside FC"},
    "manage_fields_save": {"crm_field_key": "cap_size"},
}


class NoValueError(LookupError):
    """A call takes an id for which nothing here says how a value is made."""


def parameters(endpoint: Endpoint) -> Iterator[str]:
    """Yield the names of an endpoint's parameters as they travel; of a wildcard its prefix."""
    for slot in slots(endpoint.params) if endpoint.params else ():
        yield slot.prefix or slot.wire_names[0]


def ids(endpoint: Endpoint) -> list[str]:
    """Return the names of the parameters that bear an id; a flag that asks for one bears none."""
    flags = {slot.name for slot in slots(endpoint.params) if isinstance(slot.form, FlagForm)} if endpoint.params else ()
    return [
        name
        for name in parameters(endpoint)
        if name not in flags and (BEARS_AN_ID.fullmatch(name) or name == "business_")
    ]


def in_path(endpoint: Endpoint) -> set[str]:
    return set(re.findall(r"\{(\w+)", endpoint.path))


def right(endpoint: Endpoint, values: Values) -> Values:
    """Return parameters with which the call is right for the account whose values these are."""
    example = copy.deepcopy(dict(endpoint.params.example)) if endpoint.params else {}
    fields = {**example, **NEEDED.get(endpoint.call_id, {})}
    required = {slot.wire_names[0] for slot in slots(endpoint.params) if slot.is_required} if endpoint.params else set()
    for name in set(ids(endpoint)) & (required | set(fields)) - set(NEEDED.get(endpoint.call_id, {})):
        if name not in CHOSEN and name not in NOT_YET and name != "purchase_key":
            fields[name] = placed(name, value_of(endpoint, name, values))
    fields.update(
        {name: values[kind] for name, kind in WORKING_ONCE.get(endpoint.call_id, {}).items() if kind in values}
    )
    fields.update({name: "chosen-by-caller" for name in required & CHOSEN if name not in fields})
    if endpoint.call_id == "sessions_passkeys_create" and "passkey_answer" in values:
        fields["credential"] = values["passkey_answer"]()
    for (outer, inner), full in WITHIN.items():
        if outer in fields and inner in values:
            fields[outer] = full(values[inner])
    return fields


def value_of(endpoint: Endpoint, name: str, values: Values) -> Any:
    """Return the account's own value for a parameter that bears an id."""
    kind = INSTEAD.get((endpoint.call_id, name), SAME_AS.get(name, name))
    if kind not in values:
        raise NoValueError(no_value(endpoint.call_id, name))
    return values[kind]


def no_value(call_id: str, name: str) -> str:
    """Return what to do about a parameter that bears an id for which there is no value."""
    return (
        f"no value for {name} of {call_id}: add how one is made to made_values in tests/calls.py, or {name} to SAME_AS"
        " (another name of a kind), CHOSEN (callers choose it) or NOT_YET (nothing makes it yet)"
    )


def unknown_ids(endpoint: Endpoint, kinds: Container[str]) -> Iterator[str]:
    """Yield what to do about each id that a call takes and for which nothing says how a value is made."""
    for name in ids(endpoint):
        if SAME_AS.get(name, name) not in kinds and name not in CHOSEN | NOT_YET:
            yield no_value(endpoint.call_id, name)


def in_order() -> list[Endpoint]:
    """Return the endpoints so that each can be called once in one account: deletions and other ends come last."""

    def late(endpoint: Endpoint) -> tuple[bool, bool, int, str]:
        ends = endpoint.method == "DELETE" or endpoint.path.endswith(("/close", "/erase", "/{erasure_request_id}"))
        is_last = endpoint.call_id == "crm_fans_delete"
        return ends, is_last, -len(list(parameters(endpoint))) if ends else 0, endpoint.path

    return sorted(ENDPOINTS, key=late)


def placed(name: str, value: Any) -> Any:
    return [value] if name.endswith("s") else value


async def send(api: Api, endpoint: Endpoint, values: Values, **extra: Any) -> Any:
    """Call with the given parameters: the path's in it, others as JSON where the call writes, else in the query."""
    values = dict(values)
    path = re.sub(r"\{(\w+)[^}]*\}", lambda match: str(values.pop(match[1])), endpoint.path)
    place = {"json": values} if endpoint.is_write and not endpoint.takes_file else {"params": values}
    return await api.client.request(endpoint.method, path, headers=api.keys, **{**place, **extra})


async def made_values(api: Api, mark: str = "my") -> Values:
    """Make one thing of each kind in an account and return its ids by the name of the parameter that takes them.

    What callers choose themselves begins with the mark.
    """

    async def post(path: str, **values: Any) -> Any:
        return await api.ok(await api.post(f"/api/v1/{path}", **values))

    async def got(path: str, **values: Any) -> Any:
        return await api.ok(await api.get(f"/api/v1/{path}", **values))

    v: Values = {"account_id": api.account_id}
    v["business_id"] = (await post("manage/businesses", business_name=f"Shop of {mark}"))["business_id"]
    v["crm_field_key"] = f"{mark}_hat_size"
    await post("manage/fields", crm_field_key=v["crm_field_key"], field_type="text")
    email, second = "ada@example.com", "bea@example.com"
    v["fan_id"] = (await post("crm/fans", email=email, first_name="Ada", province="BC", country_code="CA"))["fan_id"]
    await post("crm/fans", email=second, first_name="Bea", province="BC", country_code="CA")
    await post(f"manage/fans/{v['fan_id']}/identifiers", network="yinzcam", identifier_value="yz-1")
    await post("manage/tags", tag_name="early bird")
    v["tag_id"] = (await got("manage/tags"))[0]["tag_id"]
    await post("manage/tags/fans", tag_name="early bird", fan_ids=[v["fan_id"]])
    await post("manage/display_name_words", word="grue", is_allowed=False)
    await post("crm/ip_addresses", ip_address="192.0.2.0/24", is_blocked=True)
    v |= await _merge(post, v["fan_id"])
    v |= await _campaign(post, got, v["fan_id"], mark)
    v |= await made_tickets(post, mark) | await _points(post, v["fan_id"], mark)
    v |= await _purchases(post, email, mark) | await made_trackers(post)
    v |= await _gates(post, v["page_tab_id"], v["fan_id"], mark)
    v |= await _segments(post, got, v["fan_id"]) | await made_messages(post, got) | await made_streams(post, got)
    v |= await made_ads(post) | await made_reports(post) | await made_shop(post) | await made_imports(api, post, got)
    v |= await made_performance(post, v["performance_uid"], v["fan_id"]) | await made_webhooks(post, got)
    v |= await made_sessions(post, got) | await made_staff(api, post, got) | await made_draws(post, got)
    v |= await made_identities(post, got, v["fan_id"]) | await _login_codes(api, post)
    v["search_uid"] = (await got("crm/fans", limit=1))["meta"]["search_uid"]
    v["min_time_key"] = (await got("crm/fans/latest"))["meta"]["min_fan_time_key"]
    return v


async def _segments(post: Any, got: Any, fan_id: int) -> Values:
    filter_uid = (await post("manage/filters", filter_name="Locals", fan_provinces="BC"))["filter_uid"]
    snapshot = await post("manage/snapshots", snapshot_name="Opening night", fan_ids=[fan_id])
    job = await post("manage/fan_jobs", action="tag", tag_name="early bird", fan_ids=[fan_id])
    return {
        "filter_uid": filter_uid, "segment_id": filter_uid, "snapshot_uid": snapshot["snapshot_uid"],
        "segment_pair": [f"filter:{filter_uid}", f"snapshot:{snapshot['snapshot_uid']}"],
        "fan_job_uid": job["fan_job_uid"], "fan_job_id": (await got("manage/fan_jobs"))["data"][0]["fan_job_id"],
    }  # fmt: skip


async def _login_codes(api: Api, post: Any) -> Values:
    """Log a fan in on the login page, twice; the codes last as long as the test."""
    saved: Values = await post("manage/redirect_urls", redirect_url=SITE)
    url = f"/crm/oauth/register?{urlencode({'account_id': api.account_id, 'redirect_url': SITE})}"
    old, login_codes.LIFETIME = login_codes.LIFETIME, timedelta(hours=1)
    try:
        async with visitor(str(api.client.base_url)) as client:
            first = await submit(client, url, email="lena@example.com", password="correct horse")
            second = await submit(client, url.replace("/register", ""), "/crm/oauth/continue")
    finally:
        login_codes.LIFETIME = old
    return {**saved, "login_code": code_in(first), "second_login_code": code_in(second)}


async def _merge(post: Any, fan_id: int) -> Values:
    second = (await post("crm/fans", email="ada.old@example.com"))["fan_id"]
    merge = await post(f"manage/fans/{fan_id}/merge", merged_fan_id=second)
    spare = [(await post("crm/fans", email=f"spare{number}@example.com"))["fan_id"] for number in range(2)]
    erasure = await post(f"manage/fans/{spare[0]}/erase")
    host, guest = [(await post("crm/fans", email=f"{name}@example.com"))["fan_id"] for name in ("host", "guest")]
    await post(f"manage/fans/{host}/merge", merged_fan_id=guest)
    return {
        "merged_fan_id": second,
        "merge_id": merge["merge_id"],
        "erasure_id": erasure["erasure_id"],
        "spare_fan_id": spare[1],
        "host_fan_id": host,
        "guest_fan_id": guest,
    }


async def _campaign(post: Any, got: Any, fan_id: int, mark: str) -> Values:
    v: Values = {}
    v["page_tab_id"] = (await post("manage/campaigns", title="Half-time quiz", app_type="wager"))["page_tab_id"]
    campaign = f"manage/campaigns/{v['page_tab_id']}"
    v["tab_item_id"] = (await post(f"{campaign}/items", title="Home wins", item_count=500))["tab_item_id"]
    v["wagered_item_id"] = (await post(f"{campaign}/items", title="Away wins", item_count=500))["tab_item_id"]
    await post(f"{campaign}/wagers", tab_item_id=v["wagered_item_id"], fan_id=fan_id, item_count=1, point_count=2)
    await post(f"{campaign}/events", events=[{"target": "chat_history", "fan_id": fan_id}] * 2)
    events = await got(f"campaigns/{v['page_tab_id']}/detailed_stats", target="chat_history")
    v["event_id"] = events[0]["event_id"]
    for _ in range(2):
        await post(f"crm/fans/{fan_id}/activities", campaign_title="Half-time quiz", user_key=f"{mark}-user_key")
    v["activity_id"] = (await got("crm/activities", limit=200))["data"][-1]["activity_id"]
    return v


async def _purchases(post: Any, email: str, mark: str) -> Values:
    purchase = {name: f"{mark}-{name}" for name in ("order_key", "merchant_key", "location_key", "customer_key")}
    purchase_key = f"{mark}-{uuid.uuid4()}"
    stamp = {"order_timestamp": "2026-05-01 17:30:00", "gross_sale_amount": 5, "net_sale_amount": 4}
    for key in (purchase_key, f"{purchase_key}-2"):
        await post(
            "crm/purchases", purchase_key=key, network="shop", email=email, product_name="Shirt", **purchase, **stamp
        )
    chosen = {**purchase, "order_key": "chosen-by-caller"}
    await post("crm/purchases", purchase_key=f"{purchase_key}-3", network="shop", email=email, **chosen, **stamp)
    return {"purchase_key": purchase_key}


async def _points(post: Any, fan_id: int, mark: str) -> Values:
    v: Values = {}
    v["point_uid"] = (await post("manage/points", point_name="Loyalty"))["point_uid"]
    v |= await post(
        "crm/fan_points", point_uid=v["point_uid"], fan_id=fan_id, point_count=5, award_key=f"{mark}-award_key"
    )
    v["idol_uid"] = (
        await post("idols", idol_name="Northside FC", idol_type="artist", spotify_uid=f"{mark}-spotify_uid")
    )["idol_uid"]
    v["performance_uid"] = (
        await post(
            "performances", performance_name="P", performance_date="2026-07-03", fb_event_id=f"{mark}-fb_event_id"
        )
    )["performance_uid"]
    created = await post(
        "manage/idol_events", idol_uid=v["idol_uid"], start_timestamp="2026-07-03 20:30:00", event_name="E"
    )
    v["event_uid"] = created.get("event_uid") or created.get("idol_event_uid")
    await post(f"crm/fans/{fan_id}/events", event_uid=v["event_uid"])
    await post(f"crm/fans/{fan_id}/performances", performance_uid=v["performance_uid"])
    await post(f"crm/fans/{fan_id}/idols", action="add", idol_uid=v["idol_uid"])
    return v


async def _gates(post: Any, page_tab_id: int, fan_id: int, mark: str) -> Values:
    v: Values = {}
    keys = {
        name: f"{mark}-{name}" for name in ("registration_key", "event_key", "lookup_id", "ticket_key", "order_key")
    }
    event = {"event_name": "Tideline", "event_date": "2026-07-03", "network": "festival"}
    person = {"first_name": "Ada", "last_name": "Okoro", "email": "ada@example.com"}
    await post("crm/registrations", registration_timestamp="2026-06-20 17:30:00", **keys, **event, **person)
    campaign = f"manage/campaigns/{page_tab_id}"
    v["section_uid"] = (await post(f"{campaign}/pass_sections", section_name="Floor", capacity=500))["section_uid"]
    created = await post(f"{campaign}/passes", section_uid=v["section_uid"], quantity=3, fan_id=fan_id)
    v |= {name: created[0][name] for name in ("pass_uid", "pass_id")}
    v["used_pass_uid"], v["spare_pass_uid"] = created[1]["pass_uid"], created[2]["pass_uid"]
    scan = {"network": "festival", "scan_group_name": "Tideline", "scan_timestamp": "2026-07-03 20:31:05"}
    scan |= {"source_key": f"{mark}-scan", "registration_key": keys["registration_key"]}
    v["scan_key"] = (await post("manage/registrations/scans", scans=[scan]))["data"][0]["scan_key"]
    return v
