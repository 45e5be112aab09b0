"""Every list can be read to its end: by a cursor of the catalogue, by one of ours, or in one answer."""

from collections.abc import Iterable, Iterator
from typing import Any, get_args, get_origin

import msgspec

from fanfare.kernel.callers import SECRET
from fanfare.kernel.data.paging import ArrayPage, Meta, NextCursor, Page
from fanfare.kernel.parameters import Params
from fanfare.kernel.web.endpoint import Endpoint, endpoint
from tests.calls import ENDPOINTS, parameters

# A parameter that says where to go on: those of the contract by name, ours is `cursor`.
CURSORS = {
    "cursor", "search_uid", "min_activity_id", "max_activity_id", "min_ticket_id", "max_ticket_id", "min_time_key",
    "next_purchase_key", "next_scan_key", "next_pass_id", "max_merge_id", "max_erasure_id", "max_object_id",
    "after_fan_id",
    "max_message_id", "max_erasure_request_id", "max_import_id", "max_export_id", "max_schedule_id", "max_entry_number",
    "min_event_id",
    "after", "last_object_key", "max_scan_key", "max_fan_job_id",
}  # fmt: skip
# Shown from the top, as far as asked for: there is nothing to go on to.
RANKINGS = {
    "manage_fans_find",
    "campaigns_leaderboard", "crm_campaign_leaderboard", "crm_fan_points_leaderboard", "crm_activity_counters",
    "manage_points_board",
}  # fmt: skip
# Answered as a whole, since people of the account make the rows, or one fan has them.
UNPAGED = {
    "businesses_list", "campaigns_list", "crm_campaigns_list", "crm_fields_list",
    "crm_filters_list", "crm_ip_addresses_list", "crm_ticket_events_list", "idols_events_list", "idols_search",
    "manage_campaigns_days", "manage_performances_list", "manage_streams_list",
    "manage_campaign_items_list", "manage_display_name_words_list", "manage_fields_list", "manage_pass_sections_list",
    "manage_pass_campaigns_list",
    # a day each
    "manage_tracker_days_list",
    "manage_identity_providers_list", "manage_message_templates_list", "manage_openid_clients_list",
    "manage_passkey_origins_list", "manage_performance_quests", "manage_report_links_list",
    "performance_quests_list", "performance_rewards_list", "manage_webhooks_list",
    "manage_points_list", "manage_redirect_urls_list", "manage_tags_list", "performances_list", "segments_list",
    "manage_segments_list", "manage_segments_filters_list",
    "manage_stream_sources_list", "streams_list", "manage_keys_list", "manage_staff_list",
    "manage_staff_invitations_list", "manage_storages_list", "manage_urgent_matters_list", "manage_senders_list",
    "manage_retention_list",
    # of one fan
    "crm_fan_identifiers_list", "crm_fan_idols_list", "crm_fan_points_get", "manage_fans_consents",
    "manage_fans_identities_list", "manage_fans_passkeys_list", "manage_fans_push_tokens", "manage_fans_quests_list",
    "manage_fans_lookalikes", "manage_fans_reward_claims", "manage_fans_segments", "manage_fans_sessions_list",
    "sessions_fan_points",
    "sessions_passkeys_list", "sessions_quests_list", "sessions_reward_claims_list", "sessions_rewards_list",
    # figures, a row for each day
    "manage_filters_days",
    # figures, a row for each group of sales or of ads
    "ad_stats_campaigns_list", "ad_stats_list", "manage_ad_sales_list", "manage_tickets_sales",
    # a curve for each of some events
    "manage_ticket_event_curves",
}  # fmt: skip


def lists(endpoints: Iterable[Endpoint]) -> Iterator[Endpoint]:
    """Yield the calls that answer with rows."""
    for each in endpoints:
        if each.method == "GET" and get_origin(each.answer) in (list, ArrayPage, Page):
            yield each


def faults(endpoints: Iterable[Endpoint]) -> Iterator[str]:
    """Yield the lists of which a reader could miss the rest without a word."""
    for each in lists(endpoints):
        form, names = get_origin(each.answer), set(parameters(each))
        has_cursor = bool(names & CURSORS)
        if not has_cursor and each.call_id not in RANKINGS | UNPAGED:
            yield f"{each.call_id} has no cursor"
        if each.call_id in UNPAGED and names & {"limit", *CURSORS}:
            yield f"{each.call_id} is not answered as a whole"
        if form is list and has_cursor:
            yield f"{each.call_id} does not say how it goes on: answer with ArrayPage"
        if form is Page and each.call_id not in RANKINGS and not issubclass(get_args(each.answer)[0], Meta):
            yield f"{each.call_id} does not say has_more"


def test_every_list_can_be_read_to_its_end() -> None:
    assert list(faults(ENDPOINTS)) == []


def test_the_tables_name_lists_that_are_there() -> None:
    named = {each.call_id for each in lists(ENDPOINTS)}
    assert (RANKINGS | UNPAGED) - named == set()


class Row(msgspec.Struct):
    """A row."""


class Nothing(Params):
    """Nothing."""


class Windowed(Params):
    """A place to go on from."""

    cursor: NextCursor = None


class Count(msgspec.Struct):
    """A meta that says nothing of more rows."""


@endpoint.get("/api/v1/rows", scope="crm", key=SECRET)
async def cut_list(params: Nothing) -> list[Row]:
    """Answer with some rows."""
    raise NotImplementedError


@endpoint.get("/api/v1/pages", scope="crm", key=SECRET)
async def silent_page(params: Windowed) -> Page[Count, Row]:
    """Answer with a page."""
    raise NotImplementedError


@endpoint.get("/api/v1/bare", scope="crm", key=SECRET)
async def silent_list(params: Windowed) -> list[Row]:
    """Answer with a part of a list."""
    raise NotImplementedError


def test_sees_lists_that_hide_their_rest() -> None:
    rows: list[Any] = [cut_list, silent_page, silent_list]
    assert list(faults([each.endpoint for each in rows])) == [
        "cut_list has no cursor",
        "silent_page does not say has_more",
        "silent_list does not say how it goes on: answer with ArrayPage",
    ]
