"""One fan in the Manage Centre: what its pages show and to whom, and what its forms change."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from fanfare.kernel.data.db import Db
from tests.api import Api
from tests.console.people import send, signed_in
from tests.hosted.pages import token_in
from tests.profiles.made import made_fan, poster

# What must not be on a page for people without the right to personal data.
PERSONAL = (
    "Maren", "Castellane", "maren@", "harbour-heron", "604555", "0142", "05-09", "203.0.113.24", "V5K", "ferry",
    "the late one", "Yes, write me", "box-448120", "HC-maren",
)  # fmt: skip


@pytest.fixture(scope="module")
async def fan(api: Api) -> dict[str, Any]:
    """Maren, with something of each kind."""
    post = poster(api)
    await post("manage/fields", crm_field_key="comes_by", field_type="text")
    values = await made_fan(
        api, phone="604-555-0142", country_code="CA", city="Vancouver", province="BC", postal_code="V5K 0A1",
        display_name="harbour-heron", ip_address="203.0.113.24", field_comes_by="ferry",
    )  # fmt: skip
    await post(f"manage/fans/{values['fan_id']}/identifiers", network="boxoffice", identifier_value="box-448120")
    await post("manage/filters", filter_name="Locals", fan_provinces="BC")
    return values


@pytest.fixture(scope="module")
async def people(base_url: str, db: Db, api: Api, fan: dict[str, Any]) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Somebody who may do everything, somebody who sees no personal data, and people of one business."""
    async with AsyncExitStack() as stack:

        async def enter(role: str, **values: Any) -> httpx.AsyncClient:
            return await stack.enter_async_context(signed_in(base_url, db, api.account_id, role, **values))

        business_id = fan["business_id"]
        yield {
            "full": await enter("full"),
            "analyst": await enter("analyst"),
            "legal": await enter("legal"),
            "limited": await enter("editor", email="limited@example.com", business_ids=[business_id]),
            "stranger": await enter("editor", email="stranger@example.com", business_ids=[business_id + 1000]),
        }


@pytest.fixture
def root(api: Api, fan: dict[str, Any]) -> str:
    return f"/manage/{api.account_id}/fans/{fan['fan_id']}"


async def one_fan(api: Api, fan_id: int) -> Any:
    return await api.ok(await api.get(f"/api/v1/crm/fans/{fan_id}"))


async def new_fan(api: Api, name: str, **values: Any) -> int:
    return int((await poster(api)("crm/fans", email=f"{name}@example.com", **values))["fan_id"])


async def page_text(client: httpx.AsyncClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


async def page_words(client: httpx.AsyncClient, path: str) -> str:
    """The text of a page without its markup."""
    return " ".join(re.sub("<[^>]+>", " ", await page_text(client, path)).split())


async def done(client: httpx.AsyncClient, page: str, path: str | None = None, **fields: Any) -> httpx.Response:
    """Send a form that must succeed."""
    answer = await send(client, page, path, **fields)
    assert answer.status_code == 303, answer.text
    return answer


async def test_the_page_shows_what_there_is(people: dict[str, httpx.AsyncClient], root: str) -> None:
    text = await page_text(people["full"], root)
    for words in (
        "Maren Castellane", "maren@example.com", "+16045550142", "Bow River", "Scarf", "Harbour points", "early bird",
        "box-448120", "ferry", "harbour-heron", "season form", "Yes, write me.", "North Gate", "$76.00",
    ):  # fmt: skip
        assert words in text, words
    assert "password" not in text


async def test_each_view_of_the_timeline(people: dict[str, httpx.AsyncClient], root: str) -> None:
    text = await page_text(people["full"], f"{root}?view=purchases")
    days = text[text.index('id="days"') : text.index('id="tickets"')]
    assert "Bought Scarf" in days
    assert "Bow River" not in days
    assert "Nothing of this kind yet" in await page_text(people["full"], f"{root}?view=messages")
    assert (await people["full"].get(f"{root}?view=songs")).status_code == 422


async def test_the_timeline_goes_on_where_a_page_ended(api: Api, people: dict[str, httpx.AsyncClient]) -> None:
    fan_id = await new_fan(api, "long")
    for number in range(40):
        values = {
            "campaign_title": f"Day {number}.",
            "creation_timestamp": f"2026-03-{number % 28 + 1:02d} 10:{number}:00",
        }
        await poster(api)(f"crm/fans/{fan_id}/activities", **values)
    first = await page_text(people["full"], f"/manage/{api.account_id}/fans/{fan_id}")
    following = re.search(r'href="([^"]+/timeline\?[^"]+)"', first)
    assert following
    second = await page_text(people["full"], following[1].replace("&amp;", "&"))
    names = {f"Day {number}." for number in range(40)}
    assert {each for each in names if each in first} | {each for each in names if each in second} == names
    assert not {each for each in names if each in first and each in second}


PAGES = ("", "/timeline", "/consents", "/merges")


@pytest.mark.parametrize("page", PAGES)
async def test_an_analyst_gets_no_personal_byte(people: dict[str, httpx.AsyncClient], root: str, page: str) -> None:
    text = await page_text(people["analyst"], root + page)
    assert [each for each in PERSONAL if each in text] == []
    assert "M. C." in text


async def test_why_a_fan_is_in_a_segment(
    api: Api, people: dict[str, httpx.AsyncClient], root: str, fan: dict[str, Any]
) -> None:
    filters = await api.ok(await api.get("/api/v1/crm/filters"))
    uid = next(each["filter_uid"] for each in filters if each["filter_name"] == "Locals")
    segment = f"{root.partition('/fans/')[0]}/segments/filter/{uid}/why?fan_id={fan['fan_id']}"
    for page in (f"{root}/filters/{uid}", segment):
        assert "The fan has: BC" in await page_words(people["full"], page)
        assert "The fan has: …" in await page_words(people["analyst"], page)
    assert "In this segment" in await page_words(people["full"], f"{root}/filters/{uid}")
    assert (await people["full"].get(f"{root}/filters/0a1b2c3d-0000-4000-8000-000000000000")).status_code == 404


async def test_limited_people_see_what_belongs_to_their_business(
    api: Api, people: dict[str, httpx.AsyncClient], root: str, fan: dict[str, Any]
) -> None:
    text = await page_text(people["limited"], root)
    assert "Maren Castellane" in text
    assert f"Harbour {fan['mark']}" in text
    for words in ("Bow River", "Scarf", "Harbour points", "Merge with another fan", "Erase…"):
        assert words not in text, words
    assert f"/fans/{fan['fan_id']}" in await page_text(people["limited"], f"/manage/{api.account_id}/fans")
    assert f"/fans/{fan['fan_id']}" not in await page_text(people["stranger"], f"/manage/{api.account_id}/fans")
    for page in (*PAGES, "/edit"):
        assert (await people["stranger"].get(root + page)).status_code == 404, page
    for page in ("/erase", "/merge", "/export", f"/merges/{fan['fan_id']}"):
        assert (await people["limited"].get(root + page)).status_code == 403, page
    for page in ("merges", "erasures", "erasure_requests"):
        assert (await people["limited"].get(f"/manage/{api.account_id}/{page}")).status_code == 403, page


async def test_fields_are_saved_and_cleared(api: Api, people: dict[str, httpx.AsyncClient]) -> None:
    fan_id = await new_fan(api, "edit", first_name="Edda", display_name="edda")
    page = f"/manage/{api.account_id}/fans/{fan_id}/edit"
    fields = {"first_name": "Edith", "display_name": "", "birth_date": "1990-02-03", "field_comes_by": "bike"}
    await done(people["full"], page, email="edit@example.com", gender="female", **fields)
    fan = await one_fan(api, fan_id)
    assert (fan["first_name"], fan["display_name"], fan["birth_date"], fan["gender"]) == (
        "Edith", None, "1990-02-03", "female",
    )  # fmt: skip
    assert fan["field_values"] == {"comes_by": "bike"}
    text = await page_text(people["full"], page)
    assert 'value="bike"' in text
    answer = await send(people["full"], page, email="no address", phone="12")
    assert answer.status_code == 422
    assert 'id="email-fault"' in answer.text
    # A password is no field of the form, whatever is sent.
    await done(people["full"], page, email="edit@example.com", password="correct horse battery", is_subscribed="true")
    assert not (await one_fan(api, fan_id))["is_subscribed"]


async def test_choices_are_ticked(api: Api, people: dict[str, httpx.AsyncClient]) -> None:
    definition = {"crm_field_key": "languages", "field_type": "choices", "field_options": ["English", "French", "Cree"]}
    await api.ok(await api.post("/api/v1/manage/fields", **definition))
    fan_id = await new_fan(api, "choices", field_languages=["French"])
    page = f"/manage/{api.account_id}/fans/{fan_id}/edit"
    text = await page_text(people["full"], page)
    assert re.findall(r"value=\"(\w+)\" checked", text) == ["French"]
    await done(people["full"], page, email="choices@example.com", field_languages=["", "English", "Cree"])
    assert (await one_fan(api, fan_id))["field_values"] == {"languages": ["English", "Cree"]}
    await done(people["full"], page, email="choices@example.com", field_languages=[""])
    assert (await one_fan(api, fan_id))["field_values"] == {}


async def test_whoever_sees_no_personal_data_edits_none(base_url: str, db: Db, api: Api, root: str) -> None:
    rights = {"fans": ["read", "write"], "home": ["read"]}
    async with signed_in(base_url, db, api.account_id, "custom", custom_rights=rights) as client:
        assert (await client.get(f"{root}/edit")).status_code == 403
        text = await page_text(client, root)
        assert f"{root}/edit" not in text
        assert [each for each in PERSONAL if each in text] == []
        for page in ("/erase", "/merge", "/consents"):
            text = await page_text(client, root + page)
            assert [each for each in PERSONAL if each in text] == [], page


async def test_tags_keys_and_visibility(api: Api, people: dict[str, httpx.AsyncClient]) -> None:
    fan_id = await new_fan(api, "tags")
    root, client = f"/manage/{api.account_id}/fans/{fan_id}", people["full"]
    await done(client, root, f"{root}/tags", tag_name="away <b>travel</b>")
    assert "away &lt;b&gt;travel" in await page_text(client, root)
    await done(client, root, f"{root}/tags/remove", tag_name="away <b>travel</b>")
    assert (await one_fan(api, fan_id))["tags"] == []
    await done(client, root, f"{root}/identifiers", network="boxoffice", identifier_value="box-1")
    assert "box-1" in await page_text(client, root)
    answer = await send(client, root, f"{root}/identifiers", network="email", identifier_value="a@example.com")
    assert answer.status_code == 422
    await done(client, root, f"{root}/identifiers/remove", network="boxoffice", identifier_value="box-1")
    await done(client, root, f"{root}/visibility", is_hidden="true")
    assert "leave this fan out" in await page_text(client, root)
    await done(client, root, f"{root}/visibility", is_hidden="false")
    assert "leave this fan out" not in await page_text(client, root)


async def test_a_consent_has_its_source_and_proof(api: Api, people: dict[str, httpx.AsyncClient]) -> None:
    fan_id = await new_fan(api, "consent")
    business_id = (await poster(api)("manage/businesses", business_name="Pier"))["business_id"]
    page, client = f"/manage/{api.account_id}/fans/{fan_id}/consents", people["full"]
    words = {"consent_source": "phone call", "consent_wording": "Letter of 3 May, folder 12"}
    await done(client, page, channel="email", is_granted="true", **words)
    await done(client, page, channel=f"business:{business_id}", is_granted="true", **words)
    fan = await one_fan(api, fan_id)
    assert (fan["is_subscribed"], fan["opted_in_business_ids"]) == (True, [business_id])
    ledger = await api.ok(await api.get(f"/api/v1/manage/fans/{fan_id}/consents"))
    assert [(each["consent_source"], each["wording"]) for each in ledger] == [tuple(words.values())] * 2
    assert "Letter of 3 May" in await page_text(client, page)
    assert "Letter of 3 May" not in await page_text(people["analyst"], page)
    await done(client, page, channel="everything", is_granted="false", consent_source="letter")
    assert (await one_fan(api, fan_id))["is_optout"]
    for channel in ("everything", "business:999999", "pigeon"):
        answer = await send(client, page, channel=channel, is_granted="true", consent_source="letter")
        assert answer.status_code == 422, channel


async def test_a_device_is_logged_out(api: Api, db: Db, people: dict[str, httpx.AsyncClient]) -> None:
    fan_id, other_id = await new_fan(api, "device"), await new_fan(api, "other-device")
    sql = """
        insert into sessions (account_id, session_id, session_hash, fan_id, login_method, created_at, used_at,
                              expires_at)
        values ($1, nextval('positions'), sha256($3::text::bytea), $2, 'password', now(), now(),
                now() + interval '1 day')
        returning session_id
    """
    ids = [await db.value(sql, api.account_id, each, f"{each}-{n}") for each in (fan_id, other_id) for n in range(2)]
    root, client = f"/manage/{api.account_id}/fans/{fan_id}", people["full"]
    assert (await send(client, root, f"{root}/sessions/end", session_id=ids[2])).status_code == 404
    await done(client, root, f"{root}/sessions/end", session_id=ids[0])
    await done(client, root, f"{root}/sessions/end_all")
    sql = "select session_id from sessions where account_id = $1 and expires_at > now()"
    remaining = await db.rows(sql, api.account_id)
    assert {row["session_id"] for row in remaining} >= {ids[2], ids[3]}
    assert not {row["session_id"] for row in remaining} & {ids[0], ids[1]}
    assert "Not logged in anywhere" in await page_text(client, root)


async def test_a_suppressed_address_is_shown_and_lifted(api: Api, people: dict[str, httpx.AsyncClient]) -> None:
    fan_id, other_id = await new_fan(api, "bounced"), await new_fan(api, "also-bounced")
    for name in ("bounced", "also-bounced"):
        await poster(api)("manage/suppressions", channel="email", recipient=f"{name}@example.com")
    root, client = f"/manage/{api.account_id}/fans/{fan_id}", people["full"]
    assert "bounced@example.com gets no messages" in await page_text(client, root)
    assert "bounced@example.com" not in await page_text(people["analyst"], root)
    restrictions = [
        await api.ok(await api.get(f"/api/v1/manage/fans/{each}/restrictions")) for each in (fan_id, other_id)
    ]
    ids = [each["suppressed"][0]["suppression_id"] for each in restrictions]
    assert (await send(client, root, f"{root}/suppressions/lift", suppression_id=ids[1])).status_code == 404
    await done(client, root, f"{root}/suppressions/lift", suppression_id=ids[0])
    assert "gets no messages" not in await page_text(client, root)


async def test_merged_compared_and_unmerged(api: Api, people: dict[str, httpx.AsyncClient]) -> None:
    person = {"first_name": "Ada", "last_name": "Stone", "birth_date": "1988-01-02"}
    first, second = (
        await new_fan(api, "ada", **person),
        await new_fan(api, "ada.old", **person, city="Berlin", country_code="DE"),
    )
    await poster(api)(f"crm/fans/{second}/activities", campaign_title="Old quiz")
    accounts, client = f"/manage/{api.account_id}", people["full"]
    root = f"{accounts}/fans/{first}"
    assert f"Fan {second} may be the same person" in await page_text(client, root)
    for query in ("", "?text=ada.old@example.com"):
        assert f"/merge/{second}" in await page_text(client, f"{root}/merge{query}")
    text = await page_text(client, f"{root}/merge/{second}")
    assert "<b>Berlin</b>" in text
    assert "Both have the same: Name, Born." in text
    assert (await done(client, f"{root}/merge/{second}")).headers["location"] == root
    assert (await one_fan(api, first))["city"] == "Berlin"
    # The old id leads to who remains, on each page of it.
    for page in ("", "/timeline", "/consents", "/merges", "/erase"):
        answer = await client.get(f"{accounts}/fans/{second}{page}")
        assert (answer.status_code, answer.headers["location"]) == (303, root + page)
    await done(client, root, f"{accounts}/fans/{second}/tags", tag_name="by the old id")
    assert "by the old id" in (await one_fan(api, first))["tags"]
    for page in (root, accounts):
        assert f"/merges/{second}" in await page_text(client, f"{page}/merges")
    assert "ada.old@example.com" in await page_text(client, f"{root}/merges/{second}")
    await done(client, f"{root}/merges/{second}")
    assert (await one_fan(api, second))["email"] == "ada.old@example.com"
    assert (await client.get(f"{root}/merges/{second}")).status_code == 404
    assert "undone on" in await page_text(client, f"{root}/merges")


async def test_what_cannot_be_merged(people: dict[str, httpx.AsyncClient], root: str, other_api: Api) -> None:
    client, fan_id = people["full"], root.rpartition("/")[2]
    foreign = await new_fan(other_api, "foreign")
    assert (await client.get(f"{root}/merge/{fan_id}")).status_code == 422
    assert (await client.get(f"{root}/merge/{foreign}")).status_code == 404
    assert (await send(client, root, f"{root}/merge/{foreign}")).status_code == 404
    assert (await people["analyst"].get(f"{root}/merge")).status_code == 403


async def test_everything_is_exported_to_whoever_may(people: dict[str, httpx.AsyncClient], root: str) -> None:
    answer = await people["full"].get(f"{root}/export")
    assert answer.status_code == 200
    assert answer.json()["tables"]["fans"][0]["email"] == "maren@example.com"
    # An analyst may export, and sees no personal data.
    assert (await people["analyst"].get(f"{root}/export")).status_code == 403


async def test_erased_with_the_name_typed(api: Api, people: dict[str, httpx.AsyncClient]) -> None:
    fan_id = await new_fan(api, "gone", first_name="Zoë", last_name="Quick")
    root, client = f"/manage/{api.account_id}/fans/{fan_id}", people["full"]
    assert "Type the name to erase: Zoë Quick" in await page_text(client, f"{root}/erase")
    answer = await send(client, f"{root}/erase", typed_name="Zoe")
    assert answer.status_code == 422
    assert "must be the name as it is shown" in answer.text
    answer = await done(client, f"{root}/erase", typed_name="  zoe QUICK ")
    text = await page_text(client, answer.headers["location"])
    assert str(fan_id) in text
    for page in ("", "/timeline", "/erase", "/consents"):
        answer = await client.get(root + page)
        assert answer.status_code == 404
        assert f"No fan has the id {fan_id}" in answer.text
    assert "Zoë" not in await page_text(client, f"/manage/{api.account_id}/erasures")
    ((certificate),) = (await api.ok(await api.get("/api/v1/manage/erasures", fan_id=fan_id)))["data"]
    objects = f"/manage/{api.account_id}/erasures/{certificate['erasure_id']}/objects"
    assert "There is no such file" in await page_text(client, objects)


async def test_requests_are_decided(api: Api, people: dict[str, httpx.AsyncClient]) -> None:
    client, accounts = people["legal"], f"/manage/{api.account_id}"
    ids = [await new_fan(api, f"asks{number}", first_name=f"Asks{number}") for number in range(2)]
    for fan_id in ids:
        await done(client, f"{accounts}/fans/{fan_id}/erase", f"{accounts}/fans/{fan_id}/erasure_requests")
    text = await page_text(client, f"{accounts}/erasure_requests")
    assert "Asks0" in text
    assert "Asks0" not in await page_text(people["analyst"], f"{accounts}/erasure_requests")
    requests = (await api.ok(await api.get("/api/v1/manage/erasure_requests", state="waiting")))["data"]
    pages = {each["fan_id"]: f"{accounts}/erasure_requests/{each['erasure_request_id']}" for each in requests}
    await done(client, pages[ids[0]], decision="refuse")
    assert (await one_fan(api, ids[0]))["first_name"] == "Asks0"
    assert (await send(client, pages[ids[1]], decision="erase", typed_name="Somebody")).status_code == 422
    await done(client, pages[ids[1]], decision="erase", typed_name="Asks1")
    assert (await api.get(f"/api/v1/crm/fans/{ids[1]}")).status_code == 404
    assert "The fan is erased" in await page_text(client, pages[ids[1]])
    assert (await send(client, pages[ids[1]], decision="refuse")).status_code == 409
    await done(client, f"{accounts}/erasure_requests", automatic_days="14")
    settings = await api.ok(await api.get("/api/v1/manage/erasure_settings"))
    assert settings == {"automatic_days": 14}


async def test_each_change_is_in_the_audit_log_without_personal_data(
    api: Api, people: dict[str, httpx.AsyncClient]
) -> None:
    fan_id = await new_fan(api, "audited")
    page = f"/manage/{api.account_id}/fans/{fan_id}/edit"
    await done(people["full"], page, email="audited@example.com", first_name="Ottilie")
    entries = (await api.ok(await api.get("/api/v1/manage/audit_entries", text="fan_save")))["data"]
    assert entries[0]["inputs"]["fan_id"] == fan_id
    assert "Ottilie" not in str(entries)


async def test_a_form_of_another_account_changes_nothing(
    api: Api, other_api: Api, people: dict[str, httpx.AsyncClient]
) -> None:
    fan_id = await new_fan(other_api, "theirs")
    root, client = f"/manage/{api.account_id}/fans/{fan_id}", people["full"]
    token = token_in(await client.get(f"/manage/{api.account_id}/erasure_requests"))
    for path, fields in (
        ("tags", {"tag_name": "mine"}), ("edit", {"first_name": "Mine"}), ("erase", {"typed_name": "x"}),
        ("visibility", {"is_hidden": "true"}), ("erasure_requests", {}), ("sessions/end_all", {}),
    ):  # fmt: skip
        answer = await client.post(f"{root}/{path}", data={"form_token": token, **fields})
        assert answer.status_code == 404, path
    assert (await one_fan(other_api, fan_id))["tags"] == []
