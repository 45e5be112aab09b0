"""One line of a batch that is wrong, in whatever way, is told by its place and field, and the others are written."""

import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import asyncpg
import pytest

from fanfare import app
from fanfare.kernel.data.lines import write_lines
from fanfare.kernel.parameters import slots
from fanfare.kernel.wire import ListForm
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
        """Return a right line."""
        match self.field:
            case "tickets":
                return line(f"{self.path} {number}", email=f"lines{number}@example.com")
            case "scans":
                return {**SCAN, "source_key": f"s{number}", "event_date": "2026-05-01"}
            case "figures":
                return {"network": "meta", "day": "2026-05-01", "campaign_key": f"c{number}", "spend": 1, "clicks": 1}
            case "events":
                return {"target": "chat_history", "props": {"number": number}}
        return {"email": f"lines{number}@example.com", "idol_name": "Northside FC", "is_explicit": True}

    async def url(self, api: Api) -> str:
        """Return the address of the call, with a campaign made for it where it is of one."""
        if "{page_tab_id}" not in self.path:
            return self.path
        title = f"Lines {uuid.uuid4()}"
        created = await api.ok(await api.post("/api/v1/manage/campaigns", title=title, app_type="contest"))
        return self.path.format(page_tab_id=created["page_tab_id"])

    async def problems(self, api: Api, body: str) -> tuple[int, dict[int, list[str]]]:
        """Send lines; return how many were taken, and the wrong fields of each other by its place."""
        headers = {**api.keys, "content-type": "application/json"}
        answer = await api.client.post(await self.url(api), content=body.encode(), headers=headers)
        result = await api.ok(answer)
        if self.field == "tickets":
            assert [row["index"] for row in result] == list(range(len(result)))
            right = [row for row in result if row["status"] != "error"]
            assert all((row["error"], row["errors"]) == (None, []) for row in right)
            return len(right), _fields(row for row in result if row["status"] == "error")
        if self.field == "figures":
            return result["saved_count"], _fields(result["errors"])
        used = result[{"scans": "data", "events": "event_ids"}.get(self.field, "inserted")]
        return len([each for each in used if each is not None]), _fields(result["errors"])


def _fields(faults: Iterable[dict[str, Any]]) -> dict[int, list[str]]:
    """Return the wrong fields of each line by its place; every call tells of them in one shape."""
    wrong = {fault["index"]: fault["errors"] for fault in faults}
    for fault in faults:
        assert fault["error"] == "; ".join(f"{each['field']}: {each['message']}" for each in fault["errors"])
    return {place: [each["field"] for each in errors] for place, errors in wrong.items()}


DOORS = [
    Door("/api/v1/crm/tickets/bulk", "tickets", "first_name", "email", "paid_amount"),
    Door("/api/v1/manage/registrations/scans", "scans", "site_name", "network", "scan_timestamp"),
    Door("/api/v1/manage/ad_figures", "figures", "campaign_name", "network", "clicks"),
    Door("/api/v1/crm/idol_fans", "idol_fans", "first_name", "idol_name", "is_explicit"),
    Door("/api/v1/manage/campaigns/{page_tab_id}/events", "events", "props", "target", "fan_id"),
]
EACH = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.field)
# Told of in the same way, but entries of theirs are no objects.
OF_ENTRIES = {("/api/v1/manage/tags/fans", "fan_ids"), ("/api/v1/manage/tags/fans", "emails")}
NESTED = '{"a":' * 30 + "1" + "}" * 30


def test_every_batch_has_a_door() -> None:
    result = {
        (endpoint.path, slot.name)
        for endpoint in app.endpoints()
        for slot in (slots(endpoint.params) if endpoint.params else ())
        if isinstance(slot.form, ListForm) and slot.form.is_line
    }
    assert result == {(door.path, door.field) for door in DOORS} | OF_ENTRIES


@EACH
@pytest.mark.parametrize("value", ["x", "a,b", 7, True, '{"a": 1', "7"])
async def test_what_is_no_array_of_lines_is_refused(api: Api, door: Door, value: object) -> None:
    answer = await api.post(await door.url(api), **{door.field: value})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [door.field]


@EACH
@pytest.mark.parametrize("body", ["7", '"x"', "null", "true"])
async def test_a_body_that_is_neither_object_nor_array_is_refused(api: Api, door: Door, body: str) -> None:
    headers = {**api.keys, "content-type": "application/json"}
    answer = await api.client.post(await door.url(api), content=body, headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (400, "the body must be a JSON object or array")


@EACH
async def test_all_that_is_wrong_with_a_line_is_told_at_once(api: Api, door: Door) -> None:
    wrong = {**door.line(1), door.text: 0, door.number: "nothing", "phone": "12", "purchase_timestamp": "2099-01-01"}
    expected = {door.number} | ({"phone"} if door.field in {"tickets", "idol_fans"} else set())
    expected |= {"purchase_timestamp"} if door.field == "tickets" else set()
    _, result = await door.problems(api, json.dumps([wrong, door.line(2)]))
    assert set(result[0]) - {door.text} == expected


@pytest.mark.parametrize("is_text", [False, True])
@EACH
async def test_a_wrong_line_stops_no_other(api: Api, door: Door, *, is_text: bool) -> None:
    texts = [r'"a\u0000b"', r'"a\ud800b"', json.dumps("x" * 300), "[1]", NESTED, "1e999"]
    lines = [json.dumps({**door.line(number), door.text: 0}) for number in range(len(texts))]
    wrong = [
        each.replace(f'"{door.text}": 0', f'"{door.text}": {text}') for each, text in zip(lines, texts, strict=True)
    ]
    expected = {place * 2 + 1: [door.text] for place in range(len(wrong))}
    wrong += [json.dumps({**door.line(20), door.required: None, "idol_uid": None, door.number: "nothing"})]
    right = [json.dumps(door.line(30 + number)) for number in range(len(wrong) + 1)]
    mixed = [each for pair in zip(right, [*wrong, ""], strict=True) for each in pair][:-1]
    for entry in ("7", '""', '"{"', "null", "[]"):
        expected[len(mixed)] = [door.field]
        mixed += [entry, json.dumps(door.line(50 + len(mixed)))]
    body = f"[{','.join(mixed)}]"
    used, result = await door.problems(api, json.dumps({door.field: body}) if is_text else body)
    assert set(result.pop(len(texts) * 2 + 1)) > {door.number}
    assert result == expected
    assert used == len(mixed) - len(expected) - 1


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
