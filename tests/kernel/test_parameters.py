"""Parameters from query, form, multipart and JSON become one struct, alike from everywhere."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlencode

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from fanfare.kernel.errors import BadParameters, Refusal, TooLarge, Unreadable
from fanfare.kernel.parameters import MAX_FIELDS, Params, Raw, from_json, from_query, name_array, read, slots
from fanfare.kernel.web.body import parse_body
from fanfare.kernel.wire import Alias, Day, Flag, Id, Ids, IntegerForm, JsonObject, Text, TextForm, Texts, Wildcard
from tests.kernel.things import CALLS, ThingChanges, Things


class Example(Params):
    """A bit of everything."""

    fan_id: Annotated[Id, "the fan"]
    name: Annotated[Text | None | UnsetType, "cleared by an empty value"] = UNSET
    day: Annotated[Day | None | UnsetType, "cleared by an empty value"] = UNSET
    group_name: Annotated[Text | None, Alias("group name")] = None
    page: Annotated[Text | None, Alias("pg", only=True)] = None
    tag_name: Texts | None = None
    ids: Ids | None = None
    is_on: Flag = False
    limit: Annotated[int, IntegerForm(0, 10)] = 5
    fields: Annotated[dict[str, str | None] | None, Wildcard("field_", TextForm(10)), "fields"] = None
    tags: Annotated[dict[str, str | None] | None, Wildcard("tag_", TextForm()), "tags"] = None
    props: JsonObject | None = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse one name."""
        if values.get("name") == "nobody":
            yield "name", "is nobody"


def expected_of(query: str) -> Example:
    return read(Example, from_query(f"fan_id=7&{query}".encode()))


def refused(raw: Raw) -> list[tuple[str, str]]:
    with pytest.raises(BadParameters) as result:
        read(Example, raw)
    return result.value.errors


def test_what_is_not_given_has_its_default() -> None:
    assert expected_of("") == Example(fan_id=7)


def test_an_empty_value_means_none_was_given_or_clears() -> None:
    read_empty = expected_of("name=&day=&limit=&ids=&is_on=&group_name=&props=")
    assert read_empty == Example(fan_id=7, name=None, day=None)


def test_null_in_json_clears() -> None:
    assert read(Example, from_json(b'{"fan_id": 7, "name": null, "limit": null}')) == Example(fan_id=7, name=None)


@pytest.mark.parametrize("word", ["None", "null", "NULL"])
def test_the_word_none_means_not_given_for_numbers_days_and_lists_of_ids(word: str) -> None:
    assert expected_of(f"day={word}&limit={word}&ids={word}") == Example(fan_id=7)
    assert expected_of(f"name={word}").name == word


def test_a_required_value_may_not_be_empty() -> None:
    assert refused({}) == refused({"fan_id": [""]}) == refused({"fan_id": ["None"]}) == [("fan_id", "is required")]


def test_every_wrong_field_is_named_at_once() -> None:
    raw = from_query(b"fan_id=x&day=1.2.26&limit=11&ids=1,b&field_a=12345678901&is_on=perhaps")
    assert [field for field, _ in refused(raw)] == ["fan_id", "day", "ids", "is_on", "limit", "field_a"]


def test_a_fault_across_fields_is_told() -> None:
    assert refused({"fan_id": ["7"], "name": ["nobody"]}) == [("name", "is nobody")]


def test_a_value_given_twice_must_agree_with_itself() -> None:
    assert expected_of("limit=3&limit=3").limit == 3
    assert refused({"fan_id": ["7"], "limit": ["3", "4"]}) == [("limit", "was sent more than once")]


@pytest.mark.parametrize(
    "query",
    [
        "tag_name=a&tag_name=b",
        "tag_name[]=a&tag_name[]=b",
        "tag_name[0]=a&tag_name[1]=b",
        "tag_name[7]=a&tag_name[]=b",
        "tag_name%5B1%5D=a&tag_name%5B0%5D=b",
        "tag_name=a,b",
        "tag_name=" + quote('["a", "b"]'),
    ],
)
def test_a_list_has_five_spellings(query: str) -> None:
    assert expected_of(query).tag_name == ["a", "b"]
    parts = [pair.split("=") for pair in unquote(query).split("&")]
    form = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts)
    raw = parse_body(f"{form}--x--\r\n".encode(), "multipart/form-data; boundary=x")
    assert read(Example, {"fan_id": ["7"], **raw}).tag_name == ["a", "b"]


def test_an_entry_of_a_json_array_keeps_its_commas() -> None:
    assert read(Example, from_json(b'{"fan_id": 7, "tag_name": ["a, b"]}')).tag_name == ["a, b"]
    assert expected_of("tag_name=a,b&tag_name=c").tag_name == ["a,b", "c"]


@pytest.mark.parametrize("names", ["tag_name[]=a, b", "tag_name[]=a, b&tag_name[]=c", "tag_name=a, b&tag_name=c"])
def test_an_entry_under_a_name_of_entries_keeps_its_commas(names: str) -> None:
    assert (expected_of(quote(names, safe="[]=&")).tag_name or [])[0] == "a, b"
    assert read(Example, from_json(b'{"fan_id": 7, "tag_name[]": "a, b"}')).tag_name == ["a, b"]


def test_aliases_are_further_names_or_the_only_one() -> None:
    assert expected_of("group%20name=x").group_name == expected_of("group_name=x").group_name == "x"
    assert (expected_of("pg=2").page, expected_of("page=2").page) == ("2", None)


def test_wildcards_gather_by_what_follows_the_prefix() -> None:
    result = expected_of("field_a=1&field_b=&field_=x&tag_colour=red&tag_name=t")
    assert result.fields == {"a": "1", "b": None}
    assert result.tags == {"colour": "red"}
    assert result.tag_name == ["t"]


def test_the_outermost_mark_counts() -> None:
    class Narrow(Params):
        name: Annotated[Text, TextForm(3), "a short name"]

    assert slots(Narrow)[0].form.schema()["maxLength"] == 3
    assert slots(Narrow)[0].description == "a short name"


def test_a_field_without_a_form_is_a_mistake_of_ours() -> None:
    class Formless(Params):
        name: str

    with pytest.raises(TypeError, match="name has no Form"):
        slots(Formless)


@pytest.mark.parametrize("raw", [{"name": ["a\0b"]}, {"field_a\0": ["x"]}, {"props": [{"a": "\ud800"}]}])
def test_what_cannot_be_stored_is_refused(raw: Raw) -> None:
    [(field, result)] = refused({"fan_id": ["7"], **raw})
    assert "must not contain" in result
    field.encode()


def test_unknown_names_are_ignored() -> None:
    assert expected_of("timestamp=1&callback=x&_=2") == Example(fan_id=7)


PLACES = ("query", "form", "multipart", "json")


def placed(values: Mapping[str, str], place: str) -> Raw:
    """Return what comes of the same values sent in one of four ways."""
    if place == "query":
        return from_query(urlencode(values).encode())
    if place == "form":
        return parse_body(urlencode(values).encode(), "application/x-www-form-urlencoded")
    if place == "json":
        return parse_body(msgspec.json.encode(values), "application/json")
    parts = (f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in values.items())
    return parse_body(("".join(parts) + "--x--\r\n").encode(), "multipart/form-data; boundary=x")


NAMES = st.sampled_from(["fan_id", "name", "day", "tag_name", "ids", "is_on", "limit", "field_a", "props", "pg"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12)
LIKELY = st.sampled_from(["", "None", "1", "2026-03-14", "true", "a,b", "[1]", '{"a": 1}', "Zoë", "\0"])


@given(st.dictionaries(NAMES, LIKELY | TEXTS))
def test_every_place_gives_the_same(values: dict[str, str]) -> None:
    outcomes = []
    for place in PLACES:
        try:
            outcomes.append(str(read(Example, placed(values, place))))
        except BadParameters as error:
            outcomes.append(str(error.errors))
    assert set(outcomes) == {outcomes[0]}


@given(
    body=st.binary(), kind=st.sampled_from([None, "application/json", "multipart/form-data; boundary=x", "text/plain"])
)
@example(body=b"[" * 100_000, kind="application/json")
@example(body=b'{"fan_id": 1e999}', kind="application/json")
@example(body=b'{"name": "\\ud800"}', kind="application/json")
@example(body=b"name=%ff", kind=None)
@example(
    body=b"--x\r\nContent-Disposition: form-data; name=\xff\r\n\r\n1\r\n--x--\r\n",
    kind="multipart/form-data; boundary=x",
)
@example(body=b"--x\r\n\r\n1\r\n--x--\r\n", kind="multipart/form-data; boundary=x")
@example(body=b"", kind="multipart/form-data")
@example(body=b"a", kind="multipart/form-data")
def test_any_body_is_read_or_refused(body: bytes, kind: str | None) -> None:
    try:
        read(Example, parse_body(body, kind))
    except Refusal as refusal:
        assert refusal.status in {400, 413, 415, 422}  # noqa: PT017 - it need not be refused


def test_text_that_is_not_escaped_is_read_as_utf_8() -> None:
    assert expected_of("name=Zoë").name == "Zoë"
    with pytest.raises(Unreadable):
        from_query(b"name=\xff")


def test_a_bare_array_and_what_is_no_object() -> None:
    for body, value in ((b"[1, 2]", [1, 2]), (b"1", 1), (b'"a"', "a"), (b"null", None)):
        raw = from_json(body)
        assert raw == {"": [value]}
        with pytest.raises(Unreadable, match=r"must be a JSON object$"):
            name_array(raw, None)
    raw = from_json(b"[1, 2]")
    name_array(raw, "things")
    assert raw == {"things": [[1, 2]]}
    with pytest.raises(Unreadable, match=r"must be a JSON object or array$"):
        name_array(from_json(b"7"), "things")
    for body in (b"{", b""):
        with pytest.raises(Unreadable):
            from_json(body)


def test_a_value_without_a_name_is_ignored() -> None:
    assert from_json(b'{"": [1]}') == from_query(b"=1") == {}
    nameless = b'--x\r\nContent-Disposition: form-data; name=""\r\n\r\n1\r\n--x--\r\n'
    assert parse_body(nameless, "multipart/form-data; boundary=x") == {}


def test_too_many_names_are_refused() -> None:
    count = {f"field_{each}": "1" for each in range(MAX_FIELDS + 1)}
    for place in PLACES:
        with pytest.raises(TooLarge):
            placed(count, place)


def test_things_read() -> None:
    read_things = read(Things, from_query(b"limit=3&day=2026-03-14&kind=LARGE"))
    assert (read_things.limit, read_things.day, read_things.kind) == (3, date(2026, 3, 14), "large")
    assert {call.params for call in CALLS} >= {Things, ThingChanges}
