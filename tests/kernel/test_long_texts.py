"""No text blocks the interpreter, whatever it contains: a Form returns from each call into C within milliseconds.

Between two lines of Python the event loop can run, but not during a regular expression or a normalization.
"""

import json
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfare import app
from fanfare.kernel.data.lines import ItemForm
from fanfare.kernel.parameters import Params, slots
from fanfare.kernel.web.body import MAX_BYTES
from fanfare.kernel.wire import Form, ListForm, storage_fault
from fanfare.kernel.wire.forms import MAX_MARKS, compose
from tests.yardstick import LINE_MILLISECONDS, longest_line, takes_longer

# Letters that take longest to normalize, fold and translate.
LETTERS = ("\ufdfa", "\u0390", "\u00e9", "\U0001d160", "\uac01", "a" + "\u0301\u0323" * 15, "A")
# Parts of texts on which a regular expression could backtrack: with 4,000 of them quadratic time is 0.2 seconds.
RUNS = ("1", "1.", "0", ".", " ", "-", "+", "a", "a.", "a@", "@", "(", "%", ":", "/", ",", "1,", "e", "1e", "[", "{")
SHORT = 4_000


def texts() -> Iterator[tuple[str, str]]:
    """Yield long texts, each with a description."""
    for letters in LETTERS:
        yield ascii(letters[:2]), letters * (MAX_BYTES // 3 // len(letters.encode()))
    yield "blanks", "1" + " " * MAX_BYTES + "1"
    for run in RUNS:
        filling = run * (SHORT // len(run))
        yield from ((f"{run!r} {before}…{after}", f"{before}{filling}{after}") for before in "1a " for after in "x1;")


def forms() -> dict[str, Form]:
    """Return the Forms of all calls, one of each kind and length."""
    result: dict[str, Form] = {}
    for endpoint in app.endpoints():
        if endpoint.params:
            result |= dict(_forms(endpoint.params))
    return result


def _forms(struct: type[Params]) -> Iterator[tuple[str, Form]]:
    for slot in slots(struct):
        form = slot.form
        while isinstance(form, ListForm):
            yield _name(form), form
            form = form.each
        if isinstance(form, ItemForm):
            yield from _forms(form.struct)
        yield _name(form), form


def _name(form: Form) -> str:
    limits = {name: value for name, value in form.schema().items() if name in ("maxLength", "maxItems", "pattern")}
    return f"{type(form).__name__} {json.dumps(limits) if limits else ''}".strip()


def slow_texts(work: Callable[[str], Any]) -> list[str]:
    """Return the texts for which work blocks too long."""
    return [
        name
        for name, text in texts()
        if longest_line(lambda: work(text)) > LINE_MILLISECONDS / 1000  # noqa: B023 - called at once
        and takes_longer(LINE_MILLISECONDS, lambda: longest_line(lambda: work(text)))  # noqa: B023 - called at once
    ]


@pytest.mark.parametrize("form", forms().values(), ids=forms())
def test_no_form_reads_a_text_for_long(form: Form) -> None:
    with suppress(ValueError):
        # Some Forms load data at their first use.
        form.read("x")
    assert slow_texts(form.read) == []


def test_what_spoils_a_text_is_seen_soon() -> None:
    assert slow_texts(storage_fault) == []


@pytest.mark.parametrize("form", ["NFC", "NFKD"])
def test_each_letter_that_becomes_a_mark_counts_as_one(form: Any) -> None:
    """Normalization sorts consecutive marks, in quadratic time."""
    letters = map(chr, range(sys.maxunicode + 1))
    marks = [each for each in letters if unicodedata.combining(unicodedata.normalize(form, each)[0])]
    assert len(marks) > 900
    assert [ascii(each) for each in marks if storage_fault(each * MAX_MARKS * 2) is None] == []


DOUBTFUL = (
    "a\u0301\u0323\u1100\u1161\u11a8\uac00\u09c7\u09be\u0f71\u0f73\uff9e\u304b\u3099"
    "\uf900\U0001d15f\U0001d16e\u1fbf\u03b1"
)


@given(st.text(st.sampled_from(DOUBTFUL), max_size=30) | st.text(max_size=30), st.integers(1, 5))
def test_a_text_composed_in_pieces_is_composed_as_a_whole(text: str, piece: int) -> None:
    assert compose(text, piece) == unicodedata.normalize("NFC", text)
