"""A scope needs every area that its calls reach, derived from their paths: so no new call widens a scope unseen."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from fanfare import app
from fanfare.kernel.web import openapi
from fanfare.kernel.web.endpoint import Endpoint
from fanfare.staff.schemas.roles import AREA_NAMES, IMPERSONAL_SCOPES, SCOPE_AREAS
from tests.rules.test_openapi import resolved

CALLS = [each for each in app.endpoints() if each.scope != "manage"]
# The area of a call by its path, which must match as a whole; "" is none. Each path has one line.
AREA_OF_PATHS = {
    r"/api/v1/crm/(fans|fans/latest|fans/{fan_id}|fans/{fan_id}/identifiers|display_name)": "fans",
    r"/api/v1/crm/(fans/{fan_id}/)?activities(/counters)?": "campaigns",
    r"/api/v1/crm/campaigns": "campaigns",
    r"/api/v1/crm/campaigns/{page_tab_id}/leaderboard": "points",
    r"/api/v1/crm/fan_points(/leaderboard)?": "points",
    r"/api/v1/crm/fans/{fan_id}/(points|idols)": "points",
    r"/api/v1/crm/idol_fans": "points",
    r"/api/v1/crm/fans/{fan_id}/(events|performances)": "performances",
    r"/api/v1/crm/(fans/{fan_id}/)?registrations(/scans)?": "tickets",
    r"/api/v1/crm/tickets(/.+)?": "tickets",
    r"/api/v1/crm/purchases": "purchases",
    r"/api/v1/crm/(filters|filters/stats|tags)": "segments",
    r"/api/v1/crm/(fields|ip_addresses)": "settings",
    r"/crm/access_token": "fans",
    # Which businesses there are stands on every page.
    r"/api/v1/businesses(/{business_id})?": "",
    r"/api/v1/campaigns(/{page_tab_id})?": "campaigns",
    r"/api/v1/campaigns/{page_tab_id}/(stats|bundle_stats|detailed_stats)": "campaigns",
    r"/api/v1/campaigns/{page_tab_id}/(fan_activities|props|wager_entries)": "campaigns",
    r"/api/v1/campaigns/{page_tab_id}/(fan_points|leaderboard|total_points)": "points",
    r"/api/v1/campaigns/{page_tab_id}/passes/check_in": "tickets",
    r"/api/v1/performances(/{performance_uid})?(/quests|/rewards)?": "performances",
    r"/api/v1/portals(/.+)?": "performances",
    # Votes.
    r"/api/v1/props/{prop_name}": "campaigns",
    r"/api/v1/(trackers|trackers/events|trackers/{tracker_id}|ad_stats|ad_stats/campaigns)": "links",
    r"/api/v1/ads/projects/{project_uid}/lines": "links",
    r"/api/v1/shopify/products": "purchases",
    r"/api/v1/yinzcam/push_tokens": "fans",
    # Where an IP address is, and the texts of a site, which its visitors read.
    r"/api/v1/(geo|status)": "",
    r"/api/v1/sessions/(connect|lookup|{session_uid}|{session_uid}/fan)": "fans",
    r"/api/v1/sessions/{session_uid}/passkeys(/.+)?": "fans",
    r"/api/v1/sessions/(activity|wifi)": "campaigns",
    r"/api/v1/sessions/{session_uid}/points": "points",
    r"/api/v1/sessions/{session_uid}/(quests|rewards|reward_claims)(/.+)?": "performances",
    r"/api/v1/idols(/events|/{idol_uid})?": "points",
    r"/api/v1/reports(/{report_uid})?": "reports",
    r"/api/v1/streams(/.+)?": "streams",
    r"/api/v1/segments(/.+)?": "segments",
}
# What says who a fan is, or what a fan wrote.
PERSONAL = re.compile(r"fan_id|fan_uid|user_key|email|phone|(first|last|display)_name|birth_date|text|props")


def is_of(path: str, endpoint: Endpoint) -> bool:
    return re.fullmatch(path.replace("{", r"\{"), endpoint.path) is not None


def areas_of(endpoint: Endpoint) -> list[str]:
    return [area for path, area in AREA_OF_PATHS.items() if is_of(path, endpoint)]


@pytest.mark.parametrize("endpoint", CALLS, ids=lambda each: each.call_id)
def test_each_call_belongs_to_one_area(endpoint: Endpoint) -> None:
    assert len(areas_of(endpoint)) == 1, f"{endpoint.path} needs its area in AREA_OF_PATHS: {', '.join(AREA_NAMES)}"


def test_each_path_is_that_of_a_call() -> None:
    assert [path for path in AREA_OF_PATHS if not any(is_of(path, each) for each in CALLS)] == []


@pytest.mark.parametrize("scope", sorted({each.scope for each in CALLS}))
def test_a_scope_needs_the_areas_of_its_calls(scope: str) -> None:
    areas = {area for each in CALLS if each.scope == scope for area in areas_of(each) if area}
    assert set(SCOPE_AREAS[scope]) == areas


def fields(document: Any, schema: Any, done: set[str]) -> Iterator[str]:
    """Yield the names of all fields of a schema; `done` are the references that were followed."""
    if isinstance(schema, list):
        for each in schema:
            yield from fields(document, each, done)
    elif isinstance(schema, dict):
        reference = schema.get("$ref")
        if reference and reference not in done:
            done.add(reference)
            yield from fields(document, resolved(document, schema), done)
        yield from schema.get("properties", {})
        for each in schema.values():
            yield from fields(document, each, done)


@pytest.mark.parametrize("scope", sorted(IMPERSONAL_SCOPES))
def test_calls_that_read_tell_nothing_of_fans(scope: str) -> None:
    document = openapi.document(app.endpoints(), "0")
    for endpoint in CALLS:
        if endpoint.scope == scope and endpoint.method == "GET":
            answer = document["paths"][endpoint.path]["get"]["responses"]["200"]["content"]
            assert [name for name in fields(document, answer, set()) if PERSONAL.fullmatch(name)] == [], endpoint.path
