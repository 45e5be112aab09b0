"""What is closed in the Manage Centre: to people of some businesses, and to those who see no personal data."""

import json
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from fanfare.fans.schemas.fans import Fan
from fanfare.kernel.data.db import Db
from fanfare.staff.schemas.masking import FIELDS
from tests.api import Api, new_api
from tests.console.people import send, signed_in
from tests.profiles.made import made_fan, poster
from tests.segments.live import saved, settle

NOTHING = "\N{EN DASH}"
ROLE_FORBIDS = "Your role does not allow this"
WRITERS = {"fans": ["read", "write"], "segments": ["read", "write"], "home": ["read"], "campaigns": ["read"]}


@pytest.fixture(scope="module")
async def club(base_url: str, db: Db) -> AsyncIterator[Api]:
    async with new_api(base_url, db, "Closed City") as api:
        yield api


@pytest.fixture(scope="module")
async def harbour(club: Api, db: Db) -> dict[str, Any]:
    """Maren of a business, Nora of another; a filter that names Maren, one of a province."""
    values = await made_fan(club, phone="604-555-0142", country_code="CA", province="BC")
    business = await poster(club)("manage/businesses", business_name="Elsewhere")
    consent = {f"business_{business['business_id']}": True, "consent_source": "form"}
    other = await poster(club)("crm/fans", email="nora@example.com", first_name="Nora", province="BC", **consent)
    values["other_fan_id"] = other["fan_id"]
    values["named"] = await saved(club, "Named", groups=[{"all": [{"name": "Castellane"}]}])
    values["plain"] = await saved(club, "Plainly named", name="Castellane")
    values["locals"] = await saved(club, "Locals", fan_provinces="BC")
    await settle(db, club.account_id, datetime.now(UTC))
    return values


@pytest.fixture(scope="module")
async def people(
    base_url: str, db: Db, club: Api, harbour: dict[str, Any]
) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """People of one business, an analyst, and somebody who writes without seeing personal data."""
    async with AsyncExitStack() as stack:

        async def enter(role: str, **values: Any) -> httpx.AsyncClient:
            return await stack.enter_async_context(signed_in(base_url, db, club.account_id, role, **values))

        yield {
            "full": await enter("full"),
            "limited": await enter("editor", business_ids=[harbour["business_id"]]),
            "analyst": await enter("analyst"),
            "writer": await enter("custom", custom_rights=WRITERS),
        }


@pytest.fixture
def root(club: Api) -> str:
    return f"/manage/{club.account_id}"


People = dict[str, httpx.AsyncClient]


def outputs(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return re.findall(r"<output[^>]*>([^<]+)</output>", answer.text)


async def test_counts_are_of_the_businesses(people: People, root: str) -> None:
    for page in ("fans/count", "segments/count"):
        params = {"fan_provinces[]": "BC"}
        assert outputs(await people["full"].get(f"{root}/{page}", params=params)) == ["2"], page
        assert outputs(await people["limited"].get(f"{root}/{page}", params=params)) == ["1"], page


async def test_columns_of_the_whole_account_are_closed(people: People, root: str) -> None:
    titles = ("Last active", "Activities", "Seats", "Points", "Last campaign")
    full = (await people["full"].get(f"{root}/fans")).text
    assert [each for each in titles if f"<span>{each}</span>" in full] == [*titles]
    limited = people["limited"]
    limited.cookies.set("fan-columns", "place.campaign.active.activities.seats.points")
    page = (await limited.get(f"{root}/fans")).text
    assert [each for each in titles if f"<span>{each}</span>" in page or f"{each}</th>" in page] == []
    assert "Place</th>" in page
    limited.cookies.delete("fan-columns")


async def test_a_fan_of_another_business_is_not_found(people: People, root: str, harbour: dict[str, Any]) -> None:
    for text in ("nora@example.com", str(harbour["other_fan_id"])):
        answer = await people["limited"].get(f"{root}/fans", params={"find": text})
        assert "/fans?name=" in answer.headers["location"], text
    answer = await people["limited"].get(f"{root}/fans", params={"find": "maren@example.com"})
    assert answer.headers["location"] == f"{root}/fans/{harbour['fan_id']}"


async def test_pickers_offer_no_event_of_other_businesses(people: People, root: str) -> None:
    params = {"parameter": "ticket_event_name", "ticket_event_name": "bow"}
    answer = await people["full"].get(f"{root}/fans/choices", params=params)
    assert "Bow River" in answer.text
    assert "Bow River" not in (await people["limited"].get(f"{root}/fans/choices", params=params)).text


async def test_people_of_a_business_change_nothing_of_the_account(
    people: People, root: str, harbour: dict[str, Any]
) -> None:
    limited, segment = people["limited"], f"{root}/segments/filter/{harbour['locals']}"
    for path in ("/fans/save?fan_provinces=BC", "/segments/new"):
        assert (await limited.get(root + path)).status_code == 403, path
    assert (await limited.get(f"{segment}/edit")).status_code == 403
    assert (await limited.get(f"{root}/fans/{harbour['fan_id']}/points")).status_code == 403
    fields = {"filter_name": "Mine", "fan_provinces": "ON", "save": "true", "segment_name": "Mine"}
    fields |= {"point_uid": str(uuid.uuid4()), "point_count": "5", "reason": "x", "award_uid": str(uuid.uuid4())}
    targets = [f"{segment}/{each}" for each in ("edit", "name", "live", "rebuild")]
    targets += [f"{root}/fans/save", f"{root}/segments/new", f"{root}/fans/{harbour['fan_id']}/points"]
    for target in targets:
        answer = await send(limited, f"{root}/fans/{harbour['fan_id']}", target, **fields)
        assert answer.status_code == 403, target
    for page in (f"{root}/segments", segment, f"{root}/fans?fan_provinces=BC&count=true", f"{root}/find?q=new segment"):
        text = (await limited.get(page)).text
        for words in ("/segments/new", "/fans/save", f"{segment}/edit", f"{segment}/name", f"{segment}/rebuild"):
            assert words not in text, (page, words)
    assert "Award points" not in (await limited.get(f"{root}/fans/{harbour['fan_id']}")).text


GROUPS = json.dumps([{"all": [{"name": "Castellane"}]}])


async def test_groups_look_for_no_names(people: People, root: str) -> None:
    page = await people["analyst"].get(f"{root}/fans", params={"groups": GROUPS})
    assert ROLE_FORBIDS in page.text
    assert "M. C." not in page.text
    for path in ("fans/count", "segments/count"):
        assert outputs(await people["analyst"].get(f"{root}/{path}", params={"groups": GROUPS})) == [NOTHING], path
        assert outputs(await people["full"].get(f"{root}/{path}", params={"groups": GROUPS})) == ["1"], path
    hidden = {"node": ["1:0:all", "2:1:"], "g2-groups": GROUPS}
    assert outputs(await people["analyst"].get(f"{root}/segments/count", params=hidden)) == [NOTHING]


@pytest.mark.parametrize("criteria", [{"name": "Castellane"}, {"groups": GROUPS}], ids=["name", "groups"])
async def test_names_are_neither_saved_nor_acted_on(
    people: People, root: str, db: Db, club: Api, criteria: dict[str, str]
) -> None:
    writer = people["writer"]
    answer = await send(writer, f"{root}/fans", f"{root}/fans/save", filter_name="Whose", **criteria)
    assert answer.status_code == 403
    answer = await send(writer, f"{root}/fans", f"{root}/fans/action", action="tag", tag_name="Whose", **criteria)
    assert answer.status_code == 403
    assert await db.value("select count(*) from filters where account_id = $1", club.account_id) == 3
    assert await db.value("select count(*) from fan_jobs where account_id = $1", club.account_id) == 0
    nodes = {"node": ["1:0:all", "2:1:"], "g2-name": "Castellane"} if "groups" in criteria else criteria
    answer = await send(writer, f"{root}/fans", f"{root}/segments/new", filter_name="Whose", save="true", **nodes)
    assert answer.status_code == 422
    assert await db.value("select count(*) from filters where filter_name = 'Whose'") == 0


async def test_names_in_filters_are_hidden(people: People, root: str, harbour: dict[str, Any]) -> None:
    for key in ("named", "plain"):
        segment = f"{root}/segments/filter/{harbour[key]}"
        for role in ("analyst", "writer"):
            for page in (segment, f"{segment}/why?fan_id={harbour['fan_id']}"):
                assert "Castellane" not in (await people[role].get(page)).text, (role, page)
        assert (await people["writer"].get(f"{segment}/edit")).status_code == 403
        answer = await people["analyst"].get(f"{root}/fans", params={"filter_uid": harbour[key]})
        assert "Castellane" not in answer.headers["location"]
        # The filter's fans are shown, not others.
        page = (await people["analyst"].get(answer.headers["location"])).text
        assert f"/fans/{harbour['fan_id']}" in page
        assert f"/fans/{harbour['other_fan_id']}" not in page
        assert "Castellane" in (await people["full"].get(segment)).text
    assert (await people["writer"].get(f"{root}/segments/filter/{harbour['locals']}/edit")).status_code == 200


async def test_why_shows_nothing_of_other_businesses(people: People, root: str, harbour: dict[str, Any]) -> None:
    path = f"{root}/segments/filter/{harbour['locals']}/why"
    assert (await people["full"].get(f"{path}?fan_id={harbour['other_fan_id']}")).status_code == 200
    assert (await people["limited"].get(f"{path}?fan_id={harbour['other_fan_id']}")).status_code == 404
    for page in (f"{path}?fan_id={harbour['fan_id']}", f"{root}/fans/{harbour['fan_id']}/filters/{harbour['locals']}"):
        assert "BC" not in shown_value(await people["limited"].get(page)), page
        assert "BC" in shown_value(await people["full"].get(page))


def shown_value(answer: httpx.Response) -> str:
    """What stands behind the first criterion."""
    return re.split(r"</small>", answer.text.partition("The fan has:")[2])[0]


@pytest.mark.parametrize(
    ("page", "field", "words"),
    [
        ("registrations?email=nobody@example.com", 'name="email"', "Tideline"),
        ("purchases?text=nobody@example.com", 'name="text"', "Scarf"),
    ],
)
async def test_masked_people_look_for_no_addresses(
    people: People, root: str, page: str, field: str, words: str
) -> None:
    full = (await people["full"].get(f"{root}/{page}")).text
    assert field in full
    assert words not in full
    masked = (await people["analyst"].get(f"{root}/{page}")).text
    assert field not in masked
    assert words in masked


async def test_masked_people_look_for_no_recipients(people: People, root: str, club: Api) -> None:
    await poster(club)("manage/suppressions", channel="email", recipient="gone@example.com")
    page = f"{root}/suppressions?recipient=other@example.com"
    assert "g…@e…" in (await people["analyst"].get(page)).text
    assert "not suppressed" in (await people["full"].get(page)).text
    for path in ("messages", "suppressions"):
        assert 'name="recipient" type="search"' in (await people["full"].get(f"{root}/{path}")).text, path
        text = (await people["analyst"].get(f"{root}/{path}?recipient=a@example.com")).text
        assert 'name="recipient" type="search"' not in text, path


async def test_masked_people_find_nobody_by_a_number(people: People, root: str, harbour: dict[str, Any]) -> None:
    fan, merge = f"/fans/{harbour['fan_id']}", f"/merge/{harbour['fan_id']}"
    page = f"{root}/fans/{harbour['other_fan_id']}/merge?text="
    for text in ("6045550142", "16045550142"):
        assert fan in (await people["full"].get(f"{root}/find?q={text}")).text
        assert merge in (await people["full"].get(page + text)).text
        assert fan not in (await people["analyst"].get(f"{root}/find?q={text}")).text
        assert merge not in (await people["writer"].get(page + text)).text
    assert merge in (await people["writer"].get(f"{page}{harbour['fan_id']}")).text


def test_every_text_of_a_fan_is_known_to_the_mask() -> None:
    # A new field of a fan must be masked, or be named here as no personal one.
    plain = {
        "fan_id", "account_id", "province", "creation_timestamp", "country_code", "city", "is_subscribed",
        "is_phone_subscribed", "rating", "metro_area", "gender", "tags", "is_optout", "is_confirmed",
        "is_phone_confirmed", "fan_source", "opted_in_business_ids", "last_page_tab_id", "last_campaign_name",
    }  # fmt: skip
    assert set(Fan.__struct_fields__) - set(FIELDS) == plain
