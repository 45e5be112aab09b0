"""Lines that are read at once are the same as lines that are read field by field, and so are their errors."""

import random
from typing import Any

import msgspec
import pytest

from fanfare.campaigns.schemas.stats import ReportedEvent
from fanfare.kernel.data.lines import ItemForm, WrongLine
from fanfare.kernel.parameters import Params, slots
from fanfare.kernel.typed_lines import typed_lines
from fanfare.tickets.schemas.tickets import BulkTicket

MOMENT = "2026-05-01 10:00:00"
RIGHT: dict[type[Params], dict[str, Any]] = {
    BulkTicket: {
        "first_name": "Ada", "last_name": "Berg", "email": "ada@example.com", "purchase_timestamp": MOMENT,
        "paid_amount": 84.5, "num_seats": 2, "event_date": "2026-07-03", "event_name": "Derby", "event_key": "N-17",
        "network": "BoxOffice", "ticket_key": "991", "is_subscribed": True,
    },
    ReportedEvent: {"target": "chat_history", "props": {"number": 1}},
}  # fmt: skip
TEXTS = [
    "", " ", " x", "x ", "a  b", "a|b", "a||b", "|", "| x", "é", "e\u0301", "\u00a0x", "tab\t", "\0", "\ud800",
    "\x7f", "x" * 255, "x" * 256, "x" * 64, "x" * 65, "a" * 40 + "\u0301" * 40, "none", "NULL", "true", "no", "maybe",
    "1042.0", "1.042E3", "1e3", "0451", "-1", "EUR", "cad", "meta", "2026-05-01", "20260501", MOMENT,
    "2026-05-01T10:00+02", "2026-05-01 10:00   ", "2026-13-01 10:00:00", "1777777777",
]  # fmt: skip
ODD: list[Any] = [
    *TEXTS, None, True, False, 0, 1, -1, 7, 1.0, 1042.0, 1.5, 2**31, 2**53, 2**63, -(2**63), 1e18, 1e308, [], [""],
    ["x"], {}, {"x": "\0"}, {"x": 1},
]  # fmt: skip


def fields_of(line: Params) -> dict[str, Any]:
    return {name: (type(value), value) for name, value in msgspec.structs.asdict(line).items()}


def variant(chance: random.Random, struct: type[Params]) -> dict[str, Any]:
    """Return a line that is right but for one or two fields."""
    line = dict(RIGHT[struct])
    names = [name for slot in slots(struct) for name in slot.wire_names]
    for name in chance.sample([*names, "unknown", ""], chance.choice([0, 1, 1, 1, 2])):
        if chance.random() < 0.1:
            line.pop(name, None)
        else:
            line[name] = chance.choice(ODD)
    return line


@pytest.mark.parametrize("struct", RIGHT)
def test_lines_read_at_once_are_those_read_one_by_one(struct: type[Params]) -> None:
    assert typed_lines(struct) is not None
    chance = random.Random(93)
    form = ItemForm(struct, "lines")
    for _ in range(60):
        items: list[Any] = [variant(chance, struct) for _ in range(chance.randrange(1, 60))]
        for line, item in zip(form.read_all(items), items, strict=True):
            alone = form.read(item)
            if isinstance(alone, WrongLine):
                assert isinstance(line, WrongLine), item
                assert (line.refusal.errors, line.refusal.values) == (alone.refusal.errors, alone.refusal.values), item
            else:
                assert isinstance(line, struct), item
                assert fields_of(line) == fields_of(alone), item


def test_what_is_no_line_is_no_line() -> None:
    right = RIGHT[BulkTicket]
    lines = ItemForm(BulkTicket, "tickets").read_all([right, "[]", "{", None, 5, msgspec.json.encode(right).decode()])
    assert [isinstance(line, WrongLine) for line in lines] == [False, True, True, True, True, False]


def test_most_lines_are_read_at_once() -> None:
    typed = typed_lines(BulkTicket)
    assert typed is not None
    right = RIGHT[BulkTicket]
    items = [right, {**right, "first_name": " Zoë "}, {**right, "ticket_key": 991}, {**right, "email": None}]
    assert [line is not None for line in typed.read(items)] == [True, True, False, False]


def test_lines_share_nothing_that_can_change() -> None:
    typed = typed_lines(ReportedEvent)
    assert typed is not None
    item = {"target": "chat_history", "props": '{"number": 1}'}
    first, second = typed.read([item, item])
    assert first is not None
    assert second is not None
    assert fields_of(first) == fields_of(second)
    assert first.props is not second.props  # type: ignore[attr-defined]
