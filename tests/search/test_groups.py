"""Groups of criteria: which fans they find, what is refused and under which path, what they refer to, and why."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from fanfare.fans.actions.erasure import erase_fan
from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.search.crowd import fan, follow, search, tag
from tests.segments.live import FILTERS, members, saved, settle
from tests.tickets.sold import bulk, line

COUNT = f"{FILTERS}/count"


@pytest.fixture(scope="module")
async def people(api: Api, db: Db) -> dict[str, int]:
    created = {
        "ada": await fan(db, api.account_id, first_name="Ada", gender="female", province="BC", rating=4),
        "bob": await fan(db, api.account_id, first_name="Bob", gender="male", province="BC"),
        "cleo": await fan(db, api.account_id, first_name="Cleo", gender="female", province="WA"),
        "dan": await fan(db, api.account_id, first_name="Dan", gender="diverse"),
    }
    await tag(db, api.account_id, "VIP", created["ada"], created["bob"])
    await tag(db, api.account_id, "Press", created["cleo"])
    await follow(db, api.account_id, "Northside FC", created["bob"], created["cleo"])
    return created


CASES: list[tuple[dict[str, Any], str]] = [
    ({"any": [{"fan_gender": "male"}, {"fan_provinces": "WA"}]}, "bob cleo"),
    ({"all": [{"fan_gender": "female"}, {"fan_tags": "vip"}]}, "ada"),
    ({"none": [{"fan_gender": "female"}, {"fan_tags": "vip"}]}, "dan"),
    # Of a member all criteria must hold; what is not set is not so.
    ({"none": [{"fan_gender": "female", "fan_tags": "vip"}]}, "bob cleo dan"),
    ({"none": [{"fan_provinces": "BC"}]}, "cleo dan"),
    ({"any": [{"all": [{"fan_tags": "vip"}, {"idol_names": "northside fc"}]}, {"fan_gender": "diverse"}]}, "bob dan"),
    ({"none": [{"any": [{"fan_tags": "vip"}, {"none": [{"fan_gender": "female"}]}]}]}, "cleo"),
    ({"all": [{"none": [{"all": [{"fan_gender": "female"}, {"fan_provinces": "WA"}]}]}]}, "ada bob dan"),
]


@pytest.mark.parametrize(("group", "names"), CASES, ids=lambda each: each if isinstance(each, str) else "")
async def test_finds_and_counts(api: Api, people: dict[str, int], group: dict[str, Any], names: str) -> None:
    expected = [people[name] for name in names.split()]
    groups = json.dumps([group])
    assert await search(api, groups=groups) == expected
    assert (await api.ok(await api.get(COUNT, groups=groups)))["fan_count"] == len(expected)
    stats = await api.ok(await api.get(f"{FILTERS}/stats", groups=groups))
    assert stats["fans"]["fan_count"] == len(expected)
    uid = await saved(api, uuid.uuid4().hex, groups=[group])
    page = await api.ok(await api.get(f"/api/v1/segments/filter/{uid}/fans"))
    assert [row["fan_id"] for row in page["data"]] == expected
    assert (await api.ok(await api.get(f"{FILTERS}/{uid}")))["criteria"]["groups"][0].keys() == group.keys()


async def test_groups_and_criteria_must_all_hold(api: Api, people: dict[str, int]) -> None:
    groups = json.dumps([{"any": [{"fan_tags": "vip"}, {"fan_tags": "press"}]}, {"none": [{"fan_gender": "male"}]}])
    assert await search(api, groups=groups) == [people["ada"], people["cleo"]]
    assert await search(api, groups=groups, fan_provinces="BC") == [people["ada"]]


async def test_no_groups_are_all_fans(api: Api, people: dict[str, int]) -> None:
    assert await search(api, groups="[]") == await search(api) == await search(api, groups="") == [*people.values()]


async def test_tickets_of_each_member_are_their_own(api: Api) -> None:
    """Two criteria on tickets in one set describe one ticket; in a group each has its own."""
    both, one = "both@example.com", "one@example.com"
    rows = [(both, "Opening"), (both, "Final"), (one, "Opening")]
    tickets = (line(uuid.uuid4().hex, email=email, event_name=name, event_key=name) for email, name in rows)
    await bulk(api, *tickets)
    group = {"all": [{"ticket_event_name": "Opening"}, {"ticket_event_name": "Final"}]}
    result = await api.ok(await api.get("/api/v1/crm/fans", groups=json.dumps([group])))
    assert [row["email"] for row in result["data"]] == [both]


FAULTS: list[tuple[Any, dict[str, str]]] = [
    ("[", {"groups": "must be a JSON array of groups"}),
    ({"any": []}, {"groups": "must be a JSON array of groups"}),
    ([{"fan_gender": "male"}], {"groups[0]": "must have all, any or none"}),
    ([{"any": [{"fan_gender": "male"}], "all": []}], {"groups[0]": "must have all, any or none alone"}),
    ([{"any": []}], {"groups[0].any": "must be a list with at least one member"}),
    ([{"any": [{"fan_gender": "male"}, {"min_age": 3}]}], {"groups[0].any[1].min_age": "is not a criterion"}),
    (
        [{"any": [{"fan_youngest_age": "old"}, {"none": [{"fan_gender": "x"}]}]}],
        {
            "groups[0].any[0].fan_youngest_age": "must be a whole number",
            "groups[0].any[1].none[0].fan_gender": "must be one of male, female, diverse, other, empty",
        },
    ),
    ([{"any": [{"ticket_is_negative": False}]}], {"groups[0].any[0]": "has no criterion"}),
    ([{"any": [7]}], {"groups[0].any[0]": "must be an object with one of all, any and none, or with criteria"}),
    (
        [{"any": [{"all": [{"any": [{"none": [{"fan_gender": "male"}]}]}]}]}],
        {"groups[0].any[0].all[0].any[0].none": "is nested deeper than 3 levels"},
    ),
    ([{"any": [{"fan_rating": 1}] * 100}], {"groups": "must have at most 100 criteria and groups in all"}),
    ([{"none": [{"fan_tags": "nobody"}]}], {"groups[0].none[0].fan_tags": "refers to an unknown tag: nobody"}),
    (
        [{"any": [{"fan_excl_segments": "tag:99999999"}]}],
        {"groups[0].any[0].fan_excl_segments": "refers to an unknown segment: tag:99999999"},
    ),
    ([{"any": [{"fan_source": "x" * 70_000}]}], {"groups": "must be at most 65536 bytes as JSON"}),
]


@pytest.mark.parametrize(("groups", "faults"), FAULTS, ids=range(len(FAULTS)))
async def test_says_at_which_path_something_is_wrong(api: Api, groups: Any, faults: dict[str, str]) -> None:
    answer = await api.post(FILTERS, filter_name=uuid.uuid4().hex, groups=groups)
    assert answer.status_code == 422
    assert {each["field"]: each["message"] for each in answer.json()["errors"]} == faults


async def test_a_filter_in_a_group_cannot_be_deleted_nor_contain_itself(api: Api) -> None:
    inner = await saved(api, "inner", fan_gender="male")
    group = {"any": [{"fan_rating": 5}, {"all": [{"fan_incl_segments": f"filter:{inner}"}]}]}
    outer = await saved(api, "outer", groups=[group])
    answer = await api.delete(f"{FILTERS}/{inner}")
    assert (answer.status_code, answer.json()["detail"]) == (409, 'used by a filter: "outer"')
    cycle = [{"none": [{"fan_excl_segments": f"filter:{outer}"}]}]
    answer = await api.post(f"{FILTERS}/{inner}/criteria", groups=cycle)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "field": "groups[0].none[0].fan_excl_segments",
            "message": "the filter would contain itself: inner > outer > inner",
        }
    ]
    assert (await api.delete(f"{FILTERS}/{outer}")).status_code == 200
    assert (await api.delete(f"{FILTERS}/{inner}")).status_code == 200


async def test_what_a_filter_excluded_in_a_group_names_must_exist(api: Api) -> None:
    inner = await saved(api, "excluded", fan_tags="later")
    answer = await api.post(FILTERS, filter_name="x", groups=[{"none": [{"fan_incl_segments": f"filter:{inner}"}]}])
    assert answer.status_code == 422
    message = f"refers to filter:{inner}, whose fan_tags refers to an unknown tag: later"
    assert answer.json()["errors"] == [{"field": "groups[0].none[0].fan_incl_segments", "message": message}]
    outer = await saved(api, "excludes", groups=[{"none": [{"fan_gender": "other"}]}])
    await api.ok(await api.post(f"{FILTERS}/{inner}/criteria", fan_gender="male"))
    await api.ok(
        await api.post(f"{FILTERS}/{outer}/criteria", groups=[{"none": [{"fan_incl_segments": f"filter:{inner}"}]}])
    )
    answer = await api.post(f"{FILTERS}/{inner}/criteria", fan_tags="later")
    expected = 'refers to an unknown tag: later; the filter "excludes" excludes this one'
    assert answer.json()["errors"] == [{"field": "fan_tags", "message": expected}]


async def test_members_follow_what_a_branch_reads(api: Api, db: Db) -> None:
    now = datetime.now(UTC)
    group = {"any": [{"fan_source": "nowhere"}, {"all": [{"fan_tags": "follower"}, {"none": [{"fan_rating": 3}]}]}]}
    uid = await saved(api, "follows", groups=[group])
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="follows@example.com")))["fan_id"]
    await settle(db, api.account_id, now)
    assert (await members(db, api.account_id))["follows"] == set()
    await api.ok(await api.post("/api/v1/manage/tags/fans", tag_name="follower", fan_ids=[fan_id]))
    await settle(db, api.account_id, now)
    assert (await members(db, api.account_id))["follows"] == {fan_id}
    assert (await api.delete(f"{FILTERS}/{uid}")).status_code == 200


async def test_why_tells_which_branch_made_it_true(api: Api, people: dict[str, int]) -> None:
    group = {"any": [{"fan_gender": "male"}, {"all": [{"fan_tags": "vip"}, {"none": [{"fan_provinces": "WA"}]}]}]}
    uid = await saved(api, uuid.uuid4().hex, fan_rating=3, groups=[group])
    answer = await api.ok(await api.get(f"/api/v1/manage/segments/filter/{uid}/fans/{people['ada']}"))
    assert answer["is_member"]
    assert [(each["criterion"], each["is_met"]) for each in answer["criteria"]] == [("fan_rating", True)]
    (branch,) = answer["branches"]
    assert (branch["path"], branch["relation"], branch["is_met"]) == ("groups[0]", "any", True)
    male, both = branch["members"]
    assert (male["path"], male["relation"], male["is_met"]) == ("groups[0].any[0]", None, False)
    assert male["criteria"] == [
        {"criterion": "fan_gender", "wanted": {"fan_gender": "male"}, "is_met": False, "seen": "female"}
    ]
    assert (both["relation"], both["is_met"], [each["is_met"] for each in both["members"]]) == (
        "all", True, [True, True],
    )  # fmt: skip
    (washington,) = both["members"][1]["members"]
    assert (washington["path"], washington["is_met"]) == ("groups[0].any[1].all[1].none[0]", False)


async def test_an_erased_name_leaves_filters_and_searches(api: Api, db: Db) -> None:
    created = await api.ok(
        await api.post("/api/v1/crm/fans", email="zelda@example.com", first_name="Zelda", last_name="Quist")
    )
    group = {"any": [{"fan_rating": 5}, {"none": [{"name": "Zelda Quist"}]}]}
    uid = await saved(api, "about a person", groups=[group])
    result = await api.ok(await api.get("/api/v1/crm/fans", groups=json.dumps([group])))
    await erase_fan(db, api.account_id, created["fan_id"], datetime.now(UTC), source="test")
    criteria = (await api.ok(await api.get(f"{FILTERS}/{uid}")))["criteria"]
    assert criteria == {"groups": [{"any": [{"fan_rating": 5.0}, {"none": [{"name": "(erased)"}]}]}]}
    search_uid = result["meta"]["search_uid"]
    assert (await api.get("/api/v1/crm/fans", search_uid=search_uid)).status_code == 404


async def test_a_report_names_nobody_in_a_group(api: Api) -> None:
    groups = [{"any": [{"name": "Ada"}]}]
    values = {"report_name": "r", "report_type": "fans", "options": {"groups": groups}}
    answer = await api.post("/api/v1/manage/reports", **values)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"] == [{"field": "options", "message": "must not have groups[0].any[0].name"}]


async def test_the_audit_log_masks_what_was_typed(api: Api, db: Db) -> None:
    group = {"any": [{"fan_gender": "male"}, {"none": [{"name": "Somebody", "fan_rating": 3}]}]}
    await saved(api, "audited", groups=[group])
    rows = await db.rows(
        "select inputs from audit_entries where account_id = $1 order by entry_number desc limit 1", api.account_id
    )
    (group_inputs,) = rows[0]["inputs"]["groups"]
    male, none = group_inputs["any"]
    assert male["fan_gender"] == "male"
    assert (none["none"][0]["name"], none["none"][0]["fan_rating"]) == ("…", 3)


async def test_the_document_describes_groups(api: Api) -> None:
    document = (await api.get("/openapi.json")).json()
    (parameter,) = [
        each for each in document["paths"]["/api/v1/crm/fans"]["get"]["parameters"] if each["name"] == "groups"
    ]
    assert parameter["schema"]["type"] == "string"
    assert parameter["schema"]["contentMediaType"] == "application/json"
    group, member = (document["components"]["schemas"][name] for name in ("CriteriaGroup", "CriteriaMember"))
    assert group["properties"].keys() == {"all", "any", "none"}
    assert "fan_gender" in member["anyOf"][0]["properties"]
