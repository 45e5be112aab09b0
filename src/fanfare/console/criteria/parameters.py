"""What the declarations of the criteria say about sentences: subjects, phrases, and the widget of each slot."""

import string
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from fanfare.kernel.parameters import Params, Slot, slots
from fanfare.kernel.wire import (
    ChoiceForm,
    DayForm,
    FlagForm,
    Form,
    IntegerForm,
    ListForm,
    MoneyForm,
    NumberForm,
    TextForm,
)
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Joint, Phrase, References
from fanfare.search.criteria.segments import SegmentCriteria
from fanfare.search.criteria.uses import declarations

FLAG_WORDS = {"true": "yes", "false": "no"}
# Titles of the subjects by the struct that declares them.
SUBJECTS = {
    "PersonCriteria": "Person", "PlaceCriteria": "Place", "RecordCriteria": "Record", "ActivityCriteria": "Activity",
    "TagCriteria": "Tags", "IdolCriteria": "Idols", "TicketCriteria": "Tickets", "SegmentCriteria": "Segments",
}  # fmt: skip


class Widget(NamedTuple):
    """What a value is typed into: an element, its attributes, and for a choice the words by value."""

    kind: str
    attributes: Mapping[str, str] = {}
    words: Mapping[str, str] = {}


class Parameter(msgspec.Struct, frozen=True, eq=False):
    """A parameter of the search as a part of a sentence.

    `default` is the value of a choice that always has one; `modifiers` are the parameters whose slots its phrase has.
    `has_keys`: its values are keys of records, whose names people type.
    """

    name: str
    subject: str
    phrase: Phrase
    widget: Widget
    is_list: bool
    references: References | None
    has_keys: bool
    default: str | None
    modifiers: tuple[str, ...]

    @property
    def wire_name(self) -> str:
        """The name in a query; with brackets a comma is part of an entry."""
        return f"{self.name}[]" if self.is_list else self.name


class Statement(msgspec.Struct, frozen=True, eq=False):
    """A criterion: the opening of its sentence, and the parameters that are its parts."""

    subject: str
    opening: str
    parts: tuple[Parameter, ...]


class Piece(NamedTuple):
    """A piece of a phrase: its words, and the parameter whose slot follows; None at the end."""

    text: str
    parameter: str | None


def pieces(phrase: str, name: str) -> list[Piece]:
    """Return the pieces of a phrase; `{}` is the slot of the parameter `name`."""
    return [
        Piece(text, None if field is None else field or name) for text, field, _, _ in string.Formatter().parse(phrase)
    ]


def _mark(hint: object, kind: type) -> Any:  # noqa: ANN401 - one of the kind, or None
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((each for each in marks if isinstance(each, kind)), None)


def _subject(struct: type[Params], name: str) -> str:
    """Return the title of the subject whose struct declares a parameter."""
    owner = next(each for each in reversed(struct.__mro__) if name in getattr(each, "__annotations__", {}))
    return SUBJECTS.get(owner.__name__, owner.__name__.removesuffix("Criteria"))


def _widget(form: Form, words: Mapping[str, str]) -> Widget:
    if isinstance(form, ChoiceForm):
        return Widget("choice", {}, {word: words.get(word, word) for word in form.words})
    if isinstance(form, FlagForm):
        return Widget("choice", {}, words or FLAG_WORDS)
    return Widget("input", _attributes(form))


def _attributes(form: Form) -> dict[str, str]:
    match form:
        case DayForm():
            return {"type": "date"}
        case IntegerForm():
            return {"type": "number", "min": str(form.minimum), "max": str(form.maximum)}
        case NumberForm():
            return {"type": "number", "step": "any", "min": str(form.minimum), "max": str(form.maximum)}
        case MoneyForm():
            return {"type": "number", "step": "any"}
    return {"type": "text", "maxlength": str(form.schema().get("maxLength", 255))}


def flag_text(is_set: bool) -> str:  # noqa: FBT001 - the value itself
    """Return a flag as a query has it."""
    return "true" if is_set else "false"


def _parameter(struct: type[Params], slot: Slot, hint: object, opening: str) -> Parameter:
    phrase = _mark(hint, Phrase) or Phrase(f"{slot.description}: {{}}")
    references, form = _mark(hint, References), slot.form.each if isinstance(slot.form, ListForm) else slot.form
    names = [each.parameter for text in (opening, phrase.text) for each in pieces(text, slot.name)]
    default = getattr(struct(), slot.name)
    return Parameter(
        slot.name,
        _subject(struct, slot.name),
        phrase,
        _widget(form, phrase.words),
        isinstance(slot.form, ListForm),
        references,
        references is not None and not isinstance(form, TextForm),
        flag_text(default) if isinstance(default, bool) else default,
        tuple(name for name in names if name and name != slot.name),
    )


@cache
def statements(struct: type[Params] = SegmentCriteria) -> tuple[Statement, ...]:
    """Return every criterion that a struct declares, in the order of its declarations."""
    hints, by_name = get_type_hints(struct, include_extras=True), {slot.name: slot for slot in slots(struct)}
    result = []
    for criterion, names, _ in declarations(struct):
        opening = criterion.opening if isinstance(criterion, Joint) else ""
        parts = [_parameter(struct, by_name[name], hints[name], opening) for name in names]
        result.append(Statement(parts[0].subject, opening, tuple(parts)))
    return tuple(result)


def main_parts(statement: Statement) -> Iterator[Parameter]:
    """Yield the parameters that can be added: those with no default, which others have in their phrases."""
    modifiers = {name for each in statement.parts for name in each.modifiers}
    yield from (each for each in statement.parts if each.name not in modifiers)


# The parameters that have whole sets of criteria in them, which are no sentences of their own: groups.
COMPOUND = tuple(name for name in Criteria.__struct_fields__ if name not in SegmentCriteria.__struct_fields__)


@cache
def parameters(struct: type[Params] = SegmentCriteria) -> dict[str, Parameter]:
    """Return every parameter of the criteria by its name."""
    return {each.name: each for statement in statements(struct) for each in statement.parts}
