"""How each answer writes its times, by the name of the field: what contract/behaviour.md says under "Times by call"."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.calls import DOCUMENT

Json = dict[str, Any]
SCHEMAS: dict[str, Json] = DOCUMENT["components"]["schemas"]
# Whose timestamps are ISO 8601 in UTC: tickets and activities. All others are unix seconds but those of idol events.
ISO = {"Ticket", "Activity", "FanActivity", "CampaignActivity"}
# In the venue's local time, without a zone.
LOCAL = {"IdolEvent"}
# Taken in and given out as text that was checked to be a real day.
CHECKED_TEXT = {"birth_date"}


def answers() -> Iterator[tuple[str, str, Json]]:
    """Yield each field of each schema that an answer holds."""
    query = re.compile(r"^(New|OneC)|(Changes|Save|Search|Choice|Query|Window)$")
    for name, schema in SCHEMAS.items():
        if schema.get("type") == "object" and not query.search(name):
            yield from ((name, field, result) for field, result in schema.get("properties", {}).items())


def kind(text: Json) -> tuple[str, str | None]:
    """Return the type of a field without null, and its format."""
    types = text.get("type")
    return (next(each for each in types if each != "null") if isinstance(types, list) else str(types)), text.get(
        "format"
    )


FIELDS = [pytest.param(*each, id=f"{each[0]}.{each[1]}") for each in answers()]


def part_of(ending: str) -> list[Any]:
    return [each for each in FIELDS if str(each.values[1]).endswith(ending)]


@pytest.mark.parametrize(("name", "field", "text"), part_of("_date"))
def test_a_date_is_a_day(name: str, field: str, text: Json) -> None:
    if name in LOCAL or field in CHECKED_TEXT:
        assert kind(text)[0] == "string"
    else:
        assert kind(text) == ("string", "date")


@pytest.mark.parametrize(("name", "field", "text"), part_of("_timestamp"))
def test_a_timestamp_is_written_as_the_call_does(name: str, field: str, text: Json) -> None:
    if name in ISO:
        assert kind(text) == ("string", "date-time"), field
    else:
        assert kind(text)[0] == ("string" if name in LOCAL else "integer")


@pytest.mark.parametrize(("name", "field", "text"), part_of("_iso"))
def test_an_iso_time_has_its_unix_twin(name: str, field: str, text: Json) -> None:
    twin = SCHEMAS[name]["properties"][field.removesuffix("_iso")]
    assert (kind(text)[0], kind(twin)[0]) == ("string", "integer")
