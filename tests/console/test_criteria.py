"""The builder of criteria: every parameter of the search is a sentence, in every language, and the URL is its state."""

import json
import re
import uuid
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from babel.messages.pofile import read_po

from fanfare.console.criteria.builder import prose, read_builder
from fanfare.console.criteria.parameters import COMPOUND, main_parts, parameters, pieces, statements
from fanfare.console.criteria.values import of_stored
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages import languages
from fanfare.kernel.pages.languages import FOLDER, Language
from fanfare.kernel.parameters import Raw, from_query, read, slots
from fanfare.search.criteria import Criteria
from fanfare.staff.actions.sessions import used_session
from fanfare.staff.queries.people import member
from fanfare.staff.schemas.members import Member
from tests.api import Api
from tests.console.people import add_person, session_cookie, signed_in

ENGLISH = Language("en")
# A value of each widget, as somebody types it.
TYPED = {"date": "2026-07-03", "number": "3", "text": "blue"}
SEGMENT = "tag:7"
UID = "0a1b2c3d-0000-4000-8000-000000000000"


def typed(name: str) -> str:
    """Return a value that the parameter takes."""
    parameter = parameters()[name]
    if parameter.widget.words:
        return next(iter(parameter.widget.words))
    if parameter.has_keys:
        return UID if name.endswith("uids") else SEGMENT
    if "domain" in name:
        return "example.com"
    return TYPED[parameter.widget.attributes["type"]]


async def built(db: Db, api: Api, query: str, language: Language = ENGLISH) -> Any:
    return await read_builder(db, await new_member(db, api), language, from_query(query.encode()))


async def new_member(db: Db, api: Api, role: str = "full") -> Member:
    """Return a member of the account with a role."""
    now = datetime.now(UTC)
    staff_id = await add_person(db, api.account_id, f"{role}-{uuid.uuid4()}@example.com", role)
    session = await used_session(db, await session_cookie(db, staff_id), now)
    assert session
    return await member(db, session, api.account_id)


def test_every_parameter_of_the_search_is_part_of_one_sentence() -> None:
    main = [each.name for statement in statements() for each in main_parts(statement)]
    inner = [name for statement in statements() for each in statement.parts for name in each.modifiers]
    assert sorted([*main, *set(inner)]) == sorted(set(Criteria.__struct_fields__) - set(COMPOUND))


def test_every_sentence_is_words_of_its_declaration() -> None:
    for name, parameter in parameters().items():
        # A parameter without a phrase is said by its description, which is no sentence about fans.
        description = next(slot.description for slot in slots(Criteria) if slot.name == name)
        assert parameter.phrase.text != f"{description}: {{}}", name
        assert name in [each.parameter for each in pieces(parameter.phrase.text, name)], name


def gaps(phrase: str) -> set[str]:
    """Return the parameters that a phrase has slots for."""
    return {each.parameter for each in pieces(phrase, "-") if each.parameter}


@pytest.mark.parametrize("code", languages.codes()[1:])
def test_every_sentence_is_translated_with_its_slots(code: str) -> None:
    with (FOLDER / f"{code}.po").open("rb") as file:
        catalogue = {str(entry.id): str(entry.string) for entry in read_po(file, locale=code)}
    texts = {statement.opening for statement in statements()} | {each.phrase.text for each in parameters().values()}
    texts |= {word for each in parameters().values() for word in each.phrase.words.values()}
    texts |= {statement.subject for statement in statements()}
    for text in texts - {"", "{}"}:
        assert text in catalogue, text
        assert gaps(catalogue[text]) == gaps(text), text


@pytest.mark.parametrize("name", [each.name for statement in statements() for each in main_parts(statement)])
async def test_a_sentence_comes_takes_a_value_and_goes(db: Db, api: Api, name: str) -> None:
    added = await built(db, api, f"add={name}")
    assert added.has_command
    [sentence] = added.sentences
    assert [part.drop for part in sentence.parts] == [name]
    assert name not in [entry for group in added.menu for entry, _ in group.entries]
    wire_name = parameters()[name].wire_name
    filled = await built(db, api, f"{wire_name}={typed(name)}")
    assert not filled.has_command
    assert filled.faults == {}
    expected: Raw = {wire_name: [typed(name)]}
    assert filled.criteria == read(Criteria, expected)
    assert prose(filled)
    dropped = await built(db, api, f"{wire_name}={typed(name)}&drop={name}")
    assert dropped.pairs == []
    assert dropped.criteria == Criteria()


async def test_a_new_sentence_waits_for_its_value_beside_the_others(db: Db, api: Api) -> None:
    builder = await built(db, api, "fan_youngest_age=18&add=fan_provinces")
    assert builder.pairs == [("fan_youngest_age", "18"), ("fan_provinces[]", "")]
    assert builder.criteria == Criteria(fan_youngest_age=18)
    assert builder.used_pairs == [("fan_youngest_age", "18")]


async def test_an_entry_of_a_list_goes_alone(db: Db, api: Api) -> None:
    query = "fan_tags[]=Gold&fan_tags[]=Red,+white&fan_tags[]="
    builder = await built(db, api, f"{query}&drop=fan_tags[]=Gold")
    assert builder.pairs == [("fan_tags[]", "Red, white")]
    # A comma list, as calls of the API write it, is as many entries; of names that are typed only one.
    assert (await built(db, api, "fan_tags=Gold,Red")).criteria == Criteria(fan_tags=["Gold", "Red"])
    assert (await built(db, api, "fan_provinces[]=BC,+WA")).criteria == Criteria(fan_provinces=["BC", "WA"])


async def test_a_wrong_value_is_said_at_its_slot(db: Db, api: Api) -> None:
    builder = await built(db, api, "fan_youngest_age=old&fan_provinces[]=BC")
    assert builder.criteria is None
    assert builder.faults == {"fan_youngest_age": "must be a whole number"}
    assert [part.fault for sentence in builder.sentences for part in sentence.parts] == ["must be a whole number", ""]


async def test_parts_of_one_criterion_are_one_sentence(db: Db, api: Api) -> None:
    builder = await built(db, api, "ticket_seat_count_min=2&ticket_purchased_days=365&ticket_is_negative=true")
    assert prose(builder) == "do not have tickets bought in the last 365 days, at least 2 seats"
    assert [len(sentence.parts) for sentence in builder.sentences] == [2]
    german = await built(db, api, "ticket_seat_count_min=2", Language("de"))
    assert prose(german) == "haben Tickets mindestens 2 Plätze"


async def test_segments_are_typed_and_read_by_their_names(db: Db, api: Api) -> None:
    row = await api.ok(await api.post("/api/v1/manage/tags", tag_name="Gold & more"))
    tag = f"tag:{row['tag_id']}"
    saved = await api.ok(await api.post("/api/v1/manage/filters", filter_name="gold", fan_provinces=["BC"]))
    filter_ = f"filter:{saved['filter_uid']}"
    builder = await built(db, api, "fan_incl_segments[]=gold+%26+MORE+·+tag&fan_excl_segments[]=Gold")
    assert builder.used_pairs == [("fan_incl_segments[]", tag), ("fan_excl_segments[]", filter_)]
    assert prose(builder) == ("are in one of the segments Gold & more · tag, are in none of the segments gold · filter")
    unknown = await built(db, api, "fan_incl_segments[]=nothing+like+it")
    assert unknown.faults == {"fan_incl_segments": "must be filter:uid, snapshot:uid or tag:id"}
    raw = of_stored(unknown.criteria or Criteria(fan_incl_segments=[tag], fan_is_optout=False))
    assert raw == {"fan_incl_segments[]": [tag], "fan_is_optout": ["false"]}


async def test_groups_are_said_and_can_be_taken_out(db: Db, api: Api) -> None:
    row = await api.ok(await api.post("/api/v1/manage/tags", tag_name="Regulars"))
    groups = json.dumps(
        [{"any": [{"fan_provinces": ["BC"]}, {"none": [{"fan_incl_segments": [f"tag:{row['tag_id']}"]}]}]}]
    )
    builder = await built(db, api, f"fan_youngest_age=18&{urlencode({'groups': groups})}")
    assert builder.pairs == [("fan_youngest_age", "18"), ("groups", groups)]
    assert prose(builder) == (
        "are at least 18 years old, at least one of (live in the province BC;"
        " none of (are in one of the segments Regulars · tag))"
    )
    assert (await built(db, api, f"{urlencode({'groups': groups})}&drop=groups")).pairs == []
    assert builder.criteria
    raw = of_stored(builder.criteria)
    assert (await read_builder(db, await new_member(db, api), ENGLISH, raw)).criteria == builder.criteria
    wrong = await built(db, api, "groups=x")
    assert [each.fault for each in wrong.compounds] == ["must be a JSON array of groups"]


async def test_builders_of_one_form_have_a_prefix_each(db: Db, api: Api) -> None:
    raw: Raw = from_query(b"fan_youngest_age=18&g1-fan_tags[]=Gold&g1-drop=fan_tags&g1-add=fan_source")
    person = await new_member(db, api)
    outer = await read_builder(db, person, ENGLISH, raw)
    inner = await read_builder(db, person, ENGLISH, raw, prefix="g1-")
    assert (outer.pairs, outer.has_command) == ([("fan_youngest_age", "18")], False)
    assert (inner.pairs, inner.has_command) == ([("g1-fan_source", "")], True)


async def test_whoever_sees_no_names_looks_for_none(db: Db, api: Api) -> None:
    builder = await read_builder(db, await new_member(db, api, "analyst"), ENGLISH, from_query(b"name=maren"))
    assert builder.criteria is None
    assert builder.faults == {"name": "Your role does not allow this"}
    assert "name" not in [entry for group in builder.menu for entry, _ in group.entries]


@pytest.fixture(scope="module")
async def client(base_url: str, db: Db, api: Api) -> Any:
    async with signed_in(base_url, db, api.account_id) as client:
        yield client


def options(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [unescape(each) for each in re.findall(r'<option value="([^"]*)"', answer.text)]


async def test_pickers_offer_what_contains_the_letters(api: Api, client: httpx.AsyncClient) -> None:
    for name in ("Çelik Fans", "50% off"):
        await api.ok(await api.post("/api/v1/manage/tags", tag_name=name))
    path = f"/manage/{api.account_id}/fans/choices"
    answer = await client.get(path, params={"parameter": "fan_tags", "fan_tags[]": "CELIK"})
    assert options(answer) == ["Çelik Fans"]
    assert options(await client.get(path, params={"parameter": "fan_tags", "fan_tags[]": "0%"})) == ["50% off"]
    answer = await client.get(path, params={"parameter": "fan_excl_segments", "g1-fan_excl_segments[]": "celik"})
    assert options(answer) == ["Çelik Fans · tag"]
    for name in ("fan_rating", "nothing"):
        assert (await client.get(path, params={"parameter": name})).status_code == 404


async def test_pickers_offer_nothing_of_another_account(api: Api, other_api: Api, client: httpx.AsyncClient) -> None:
    await api.ok(await other_api.post("/api/v1/manage/tags", tag_name="Theirs alone"))
    path = f"/manage/{api.account_id}/fans/choices"
    for name, parameter in parameters().items():
        if parameter.references:
            answer = await client.get(path, params={"parameter": name, parameter.wire_name: "Theirs"})
            assert options(answer) == [], name
