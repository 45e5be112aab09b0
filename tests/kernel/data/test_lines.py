"""One line of a batch that is wrong, in whatever way, is told by its place and field, and the others are written."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg
import pytest

from fanfare.kernel.data.lines import write_lines
from tests.api import Api
from tests.tickets.sold import line

Line = dict[str, Any]
SCAN = {"network": "n", "scan_group_name": "g", "scan_timestamp": "2026-05-01 10:00:00"}


class Door(NamedTuple):
    """A call that takes lines: its path, the field that holds them, a right line by its number, a text field of it."""

    path: str
    field: str
    text: str
    required: str
    number: str

    def line(self, number: int) -> Line:
        match self.field:
            case "tickets":
                return line(f"{self.path} {number}", email=f"lines{number}@example.com")
            case "scans":
                return {**SCAN, "source_key": f"s{number}", "event_date": "2026-05-01"}
        return {"email": f"lines{number}@example.com", "idol_name": "Northside FC", "is_explicit": True}

    async def told(self, api: Api, body: str) -> tuple[int, dict[int, list[str]]]:
        """Send lines; return how many were taken, and the wrong fields of each other by its place."""
        headers = {**api.keys, "content-type": "application/json"}
        answer = await api.client.post(self.path, content=body.encode(), headers=headers)
        told = await api.ok(answer)
        if self.field == "tickets":
            wrong = {place: row["errors"] for place, row in enumerate(told) if row["status"] == "error"}
            return len(told) - len(wrong), _fields(wrong)
        taken = told["data"] if self.field == "scans" else told["inserted"]
        return len(taken), _fields({fault["index"]: fault["errors"] for fault in told["errors"]})


def _fields(wrong: dict[int, Any]) -> dict[int, list[str]]:
    assert all(fault["message"] for faults in wrong.values() for fault in faults)
    return {place: [fault["field"] for fault in faults] for place, faults in wrong.items()}


DOORS = [
    Door("/api/v1/crm/tickets/bulk", "tickets", "first_name", "email", "paid_amount"),
    Door("/api/v1/manage/registrations/scans", "scans", "site_name", "network", "scan_timestamp"),
    Door("/api/v1/crm/idol_fans", "idol_fans", "first_name", "idol_name", "is_explicit"),
]
NESTED = '{"a":' * 30 + "1" + "}" * 30


@pytest.mark.parametrize("is_text", [False, True])
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.field)
async def test_a_wrong_line_stops_no_other(api: Api, door: Door, *, is_text: bool) -> None:
    texts = [r'"a\u0000b"', r'"a\ud800b"', json.dumps("x" * 300), "{}", "[1]", NESTED, "1e999"]
    lines = [json.dumps({**door.line(number), door.text: 0}) for number in range(len(texts))]
    wrong = [
        each.replace(f'"{door.text}": 0', f'"{door.text}": {text}') for each, text in zip(lines, texts, strict=True)
    ]
    expected = {place * 2 + 1: [door.text] for place in range(len(wrong))}
    wrong += [json.dumps({**door.line(20), door.required: None, "idol_uid": None, door.number: "nothing"})]
    right = [json.dumps(door.line(30 + number)) for number in range(len(wrong) + 1)]
    mixed = [each for pair in zip(right, [*wrong, ""], strict=True) for each in pair][:-1]
    for entry in ("7", '""', '"{"', "null", "[]"):
        expected[len(mixed)] = [""]
        mixed += [entry, json.dumps(door.line(50 + len(mixed)))]
    body = f"[{','.join(mixed)}]"
    taken, told = await door.told(api, json.dumps({door.field: body}) if is_text else body)
    assert set(told.pop(len(texts) * 2 + 1)) > {door.number}
    assert told == expected
    assert taken == len(mixed) - len(expected) - 1


@pytest.mark.parametrize("action", ["add", "delete"])
async def test_a_wrong_entry_of_a_tag_stops_no_other(api: Api, action: str) -> None:
    fan_id = (await api.ok(await api.post("/api/v1/crm/fans", email="tagged@example.com")))["fan_id"]
    await api.ok(await api.post("/api/v1/manage/tags", tag_name="odd"))
    body = (
        f'{{"tag_name": "odd", "action": "{action}", "fan_ids": ["x", {fan_id}, -1, 1.5, {{}}, 4e18],'
        r' "emails": ["a\u0000@example.com", "\ud800", "nobody", "tagged@example.com", {}]}'
    )
    path = "/api/v1/manage/tags/fans"
    headers = {**api.keys, "content-type": "application/json"}
    rows = (await api.ok(await api.client.post(path, content=body.encode(), headers=headers)))["rows"]
    assert [row["status"] == "error" for row in rows] == [
        True, False, True, True, True, True, True, True, False, False, True,
    ]  # fmt: skip
    assert [row["errors"][0]["field"] for row in rows if row["errors"]] == ["fan_ids"] * 5 + ["emails"] * 3
    assert {row["fan_id"] for row in rows if row["fan_id"]} == {fan_id}


@pytest.mark.parametrize("bad", [[], [0], [3, 4], [0, 6], list(range(7))])
async def test_what_postgresql_has_no_room_for_is_told_line_by_line(bad: list[int]) -> None:
    written: list[int] = []

    async def write(lines: Sequence[int]) -> None:
        if set(lines) & set(bad):
            raise asyncpg.NumericValueOutOfRangeError
        written.extend(lines)

    assert await write_lines(range(7), write) == bad
    assert written == [each for each in range(7) if each not in bad]
