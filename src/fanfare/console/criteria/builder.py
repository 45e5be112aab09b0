"""Builds what the template of the criteria shows from the query of a page: sentences, faults, and what can be added."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from fanfare.console.criteria.parameters import (
    COMPOUND,
    Parameter,
    Statement,
    Widget,
    main_parts,
    parameters,
    pieces,
    statements,
)
from fanfare.console.criteria.values import (
    ADD,
    DROP,
    Values,
    carried_out,
    labels_of,
    pairs_of,
    raw_of,
    values_of,
    with_keys,
)
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.pages.languages import Language
from fanfare.kernel.parameters import Raw, read
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.groups import Member as GroupMember
from fanfare.search.criteria.uses import people_named, person_parameters
from fanfare.staff.schemas.members import Member

GAP = "…"
GROUP_WORDS = {"all": "all of", "any": "at least one of", "none": "none of"}
NOT_ALLOWED = "Your role does not allow this"


class Place(msgspec.Struct, frozen=True):
    """A slot: the name of its field, what it is typed into, its value or entries, and the text that names it.

    `entries` are the values of a list with what they are called. `has_choices`: records can be picked by their name.
    """

    parameter: str
    name: str
    widget: Widget
    value: str
    entries: list[tuple[str, str]]
    label: str
    is_list: bool
    has_choices: bool
    is_wrong: bool


class Part(msgspec.Struct, frozen=True):
    """A part of a sentence: texts and the slots behind them, None for the last; its fault; how to drop it."""

    pieces: list[tuple[str, Place | None]]
    fault: str
    drop: str
    title: str


class Sentence(msgspec.Struct, frozen=True):
    """A criterion in use: the pieces of its opening and its parts."""

    opening: list[tuple[str, Place | None]]
    parts: list[Part]


class Compound(msgspec.Struct, frozen=True):
    """Groups of criteria in use: the parameter with its value, and what they say; other pages change them."""

    parameter: str
    name: str
    value: str
    text: str
    fault: str


class MenuGroup(msgspec.Struct, frozen=True):
    """What can be added about a subject: parameters with their titles."""

    subject: str
    entries: list[tuple[str, str]]


class Builder(msgspec.Struct, frozen=True):
    """The criteria of a page. `criteria` is None while a value is wrong; `faults` has the message by parameter."""

    prefix: str
    sentences: list[Sentence]
    compounds: list[Compound]
    menu: list[MenuGroup]
    pairs: list[tuple[str, str]]
    criteria: Criteria | None
    faults: Mapping[str, str]
    has_command: bool

    @property
    def texts(self) -> list[str]:
        """The criteria in use with their values, each as a text."""
        return [*(_sentences_text([each]) for each in self.sentences), *(each.text for each in self.compounds)]

    @property
    def used_pairs(self) -> list[tuple[str, str]]:
        """The parameters that have a value."""
        return [(name, value) for name, value in self.pairs if value]


async def read_builder(
    db: Db, member: Member, language: Language, raw: Raw, *, prefix: str = "", area: str = "fans"
) -> Builder:
    """Return the criteria of a query, after its commands; other parameters are ignored.

    Without the right to see personal data in the area, nobody looks for a person's name, in groups neither: what is
    found would tell it.
    """
    account_id = member.account.id
    closed = frozenset() if member.may(area, "personal") else frozenset(person_parameters(Criteria))
    values = carried_out(raw, values_of(raw, prefix), prefix)
    values = await with_keys(db, account_id, values, language)
    criteria, faults = _criteria(values, closed)
    members = [each for name in COMPOUND for each in getattr(criteria, name, None) or ()]
    labels = await labels_of(db, account_id, values, language)
    for inner in _inner_values(members):
        labels |= await labels_of(db, account_id, inner, language)
    view = _View(language, prefix, values, labels, faults, closed)
    return Builder(
        prefix,
        list(view.sentences()),
        list(view.compounds(members)),
        list(view.menu()),
        list(pairs_of(values, prefix)),
        criteria,
        faults,
        has_command=prefix + ADD in raw or prefix + DROP in raw,
    )


def _criteria(values: Values, closed: frozenset[str]) -> tuple[Criteria | None, dict[str, str]]:
    if refused := [name for name in values if name in closed]:
        return None, dict.fromkeys(refused, NOT_ALLOWED)
    raw: Raw = {}
    for name, value in pairs_of(values):
        if value:
            raw.setdefault(name, []).append(value)
    try:
        criteria = read(Criteria, raw)
    except BadParameters as wrong:
        return None, {name.partition("[")[0]: message for name, message in wrong.errors}
    refused = people_named(criteria) if closed else []
    return (None, {name.partition("[")[0]: NOT_ALLOWED for name in refused}) if refused else (criteria, {})


def _inner_values(members: Iterable[GroupMember]) -> Iterator[Values]:
    """Yield the values of each set of criteria in groups."""
    for each in members:
        relations = [inner for _, inner in each.relations()]
        if relations:
            yield from (values for inner in relations for values in _inner_values(inner))
        else:
            yield values_of(raw_of(msgspec.to_builtins(each)))


class _View(msgspec.Struct, frozen=True):
    """What is needed to say the criteria of a query in a language."""

    language: Language
    prefix: str
    values: Values
    labels: Mapping[tuple[str, str], str]
    faults: Mapping[str, str]
    closed: frozenset[str]

    def sentences(self) -> Iterator[Sentence]:
        """Yield the criteria in use."""
        for statement in statements():
            parts = [each for each in main_parts(statement) if each.name in self.values]
            if parts:
                yield Sentence(
                    self._pieces(statement.opening, parts[0]), [self._part(statement, each) for each in parts]
                )

    def compounds(self, members: Sequence[GroupMember]) -> Iterator[Compound]:
        """Yield the groups in use."""
        for name in COMPOUND:
            if name in self.values:
                text = "; ".join(self._group_text(each) for each in members)
                yield Compound(name, self.prefix + name, self.values[name][0], text, self.faults.get(name, ""))

    def _group_text(self, member: GroupMember) -> str:
        for relation, inner in member.relations():
            return (
                f"{self.language.text(GROUP_WORDS[relation])} ({'; '.join(self._group_text(each) for each in inner)})"
            )
        values = values_of(raw_of(msgspec.to_builtins(member)))
        return _sentences_text(msgspec.structs.replace(self, values=values, faults={}).sentences())

    def menu(self) -> Iterator[MenuGroup]:
        """Yield what is not in use, by subject."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for statement in statements():
            for each in main_parts(statement):
                if each.name not in self.values and each.name not in self.closed:
                    groups.setdefault(statement.subject, []).append((each.name, self._title(statement, each)))
        yield from (MenuGroup(self.language.text(subject), entries) for subject, entries in groups.items())

    def _part(self, statement: Statement, parameter: Parameter) -> Part:
        return Part(
            self._pieces(parameter.phrase.text, parameter),
            self.faults.get(parameter.name, ""),
            parameter.name,
            self._title(statement, parameter),
        )

    def _pieces(self, phrase: str, parameter: Parameter) -> list[tuple[str, Place | None]]:
        return [
            (each.text, self._place(parameters()[each.parameter], parameter) if each.parameter else None)
            for each in pieces(self.language.text(phrase), parameter.name)
        ]

    def _place(self, parameter: Parameter, owner: Parameter) -> Place:
        texts = self.values.get(parameter.name) or [parameter.default or ""]
        words = {value: self.language.text(word) for value, word in parameter.widget.words.items()}
        entries = [(each, self.labels.get((parameter.name, each), each)) for each in texts if each]
        return Place(
            parameter.name,
            self.prefix + parameter.wire_name,
            Widget(parameter.widget.kind, parameter.widget.attributes, words),
            texts[0],
            entries if parameter.is_list else [],
            self._title(None, owner),
            parameter.is_list,
            parameter.references is not None,
            parameter.name in self.faults,
        )

    def _title(self, statement: Statement | None, parameter: Parameter) -> str:
        """Return the sentence with gaps for its values, such as "live in the province …"."""
        texts = [statement.opening if statement else "", parameter.phrase.text]
        return " ".join(
            "".join(each.text + self._gap(each.parameter) for each in pieces(self.language.text(text), parameter.name))
            for text in texts
            if text
        )

    def _gap(self, name: str | None) -> str:
        if name is None:
            return ""
        parameter = parameters()[name]
        words = parameter.widget.words
        value = parameter.default or ("true" if "true" in words else "")
        return self.language.text(words.get(value, "")) or GAP


def prose(builder: Builder) -> str:
    """Return the criteria with their values as a line of text; empty without any."""
    return ", ".join(builder.texts)


def _sentences_text(sentences: Iterable[Sentence]) -> str:
    return ", ".join(
        f"{_prose(sentence.opening)} {', '.join(_prose(part.pieces) for part in sentence.parts)}".strip()
        for sentence in sentences
    )


def _prose(texts: list[tuple[str, Place | None]]) -> str:
    return "".join(text + (_value_text(place) if place else "") for text, place in texts)


def _value_text(place: Place) -> str:
    if place.is_list:
        return " / ".join(label for _, label in place.entries) or GAP
    return place.widget.words.get(place.value, place.value) or GAP
