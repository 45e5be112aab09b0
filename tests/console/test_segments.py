"""What pages of segments do: masked members, people of one business, refusals, exports."""

import re
import uuid
from datetime import UTC, datetime

import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import send, signed_in
from tests.search.crowd import fan, tag
from tests.segments.live import saved, settle


@pytest.fixture(scope="module")
async def filter_uid(api: Api, db: Db) -> str:
    """A live filter with one fan, whose name and address nobody may see without the right."""
    fan_id = await fan(db, api.account_id, first_name="Quentin", last_name="Zola", email="quentin@zola.example")
    await tag(db, api.account_id, "Masked", fan_id)
    uid = await saved(api, "Masked fans", groups=[{"any": [{"name": "Zola"}, {"fan_tags": "Masked"}]}])
    await settle(db, api.account_id, datetime.now(UTC))
    return uid


async def test_members_and_why_are_masked_without_the_right(base_url: str, db: Db, api: Api, filter_uid: str) -> None:
    path = f"/manage/{api.account_id}/segments/filter/{filter_uid}"
    fan_id = await db.value("select fan_id from fans where account_id = $1 and first_name = 'Quentin'", api.account_id)
    pages = (f"{path}/members", f"{path}/members?day={datetime.now(UTC).date()}", f"{path}/why?fan_id={fan_id}", path)
    async with signed_in(base_url, db, api.account_id, "full") as client:
        assert "Quentin Zola" in (await client.get(pages[0])).text
    async with signed_in(base_url, db, api.account_id, "analyst") as client:
        for page in pages:
            answer = await client.get(page)
            assert answer.status_code == 200, page
            assert "Quentin" not in answer.text, page
            assert "zola.example" not in answer.text, page
        assert "Q. Z." in (await client.get(pages[0])).text


async def test_reasons_have_groups_names_and_days(base_url: str, db: Db, api: Api) -> None:
    fan_id = await fan(db, api.account_id, province="BC")
    await tag(db, api.account_id, "Choir", fan_id)
    tag_id = await db.value("select tag_id from tags where account_id = $1 and tag_name = 'Choir'", api.account_id)
    members = [{"fan_provinces": ["ON"]}, {"fan_incl_segments": [f"tag:{tag_id}"]}]
    uid = await saved(api, "Either", fan_start_creation_date="2020-01-01", groups=[{"any": members}])
    root = f"/manage/{api.account_id}"
    async with signed_in(base_url, db, api.account_id, "full") as client:
        for page in (f"{root}/segments/filter/{uid}/why?fan_id={fan_id}", f"{root}/fans/{fan_id}/filters/{uid}"):
            text = " ".join(re.sub("<[^>]+>", " ", (await client.get(page)).text).split())
            assert "holds any of these does not hold live in the province ON The fan has: BC" in text
            assert "holds are in one of the segments Choir · tag The fan has: Choir · tag" in text
            assert re.search(r"The fan has: created: [A-Z][a-z]+ \d+, 20\d\d, \d\d:\d\d", text)


async def test_people_of_a_business_see_figures_of_its_fans_alone(
    base_url: str, db: Db, api: Api, filter_uid: str
) -> None:
    root = f"/manage/{api.account_id}/segments"
    async with signed_in(base_url, db, api.account_id, "full", business_ids=[99]) as client:
        assert "Quentin" not in (await client.get(f"{root}/filter/{filter_uid}/members")).text
        figures = (await client.get(f"{root}/filter/{filter_uid}/figures")).text
        assert '<span class="figure__value">0</span>' in figures
        assert (await client.get(f"{root}/filter/{filter_uid}/members?day=2026-01-01")).status_code == 404
        assert "Members by day" not in (await client.get(f"{root}/filter/{filter_uid}")).text


async def test_an_export_has_the_fans_of_the_segment_alone(base_url: str, db: Db, api: Api, filter_uid: str) -> None:
    await fan(db, api.account_id, first_name="Somebody")
    empty = await saved(api, "Empty", fan_source=uuid.uuid4().hex)
    root = f"/manage/{api.account_id}/segments/filter"
    async with signed_in(base_url, db, api.account_id, "full") as client:
        answer = await send(client, f"{root}/{filter_uid}", f"{root}/{filter_uid}/export")
        assert answer.status_code == 303, answer.text
        refused = await send(client, f"{root}/{empty}", f"{root}/{empty}/export")
        assert refused.status_code == 409
    rows = await db.rows("select search_uid, export_name from exports where account_id = $1", api.account_id)
    assert [row["export_name"] for row in rows] == ["Masked fans"]
    assert rows[0]["search_uid"] is not None


async def test_a_name_that_is_taken_is_said_in_the_editor(base_url: str, db: Db, api: Api) -> None:
    await saved(api, "Taken name", fan_gender="male")
    path = f"/manage/{api.account_id}/segments/new"
    fields = {"filter_name": "taken NAME", "save": "true", "fan_gender": "female"}
    async with signed_in(base_url, db, api.account_id, "full") as client:
        answer = await send(client, path, **fields)
        assert answer.status_code == 422
        assert "Another filter of the account has this name" in answer.text
        without = await send(client, path, **{**fields, "filter_name": ""})
        assert "is required" in without.text
        answer = await send(client, path, **{**fields, "filter_name": "A free name"})
        assert answer.status_code == 303
