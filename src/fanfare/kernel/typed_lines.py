"""Reads many lines at once whose fields have the JSON types of their forms, as nearly all do.

msgspec checks types and lengths and makes the structs in one step; what its types cannot say is looked at afterwards. A
line with anything else is left to `parameters.read`, which goes field by field and reports what is wrong.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Annotated, Any, TypeGuard

import msgspec

from fanfare.kernel.parameters import InvalidFields, Params, Slot, read_field, slots
from fanfare.kernel.wire import FlagForm, Form, IntegerForm, KeyForm, TextForm

# Stands between the texts of a line when they are looked at together; what is around it if one of them is not simple.
BAR = "|"
EDGES = (f" {BAR}", f"{BAR} ", BAR * 2)
MAX_INT64 = 2**63 - 1
MISSING = object()
# What msgspec raises for lines that do not have the types of their fields, or lone surrogates.
UNREADABLE = (msgspec.ValidationError, UnicodeError, RecursionError)


class TypedLines:
    """Reads the lines of one struct; made by `typed_lines`."""

    def __init__(self, struct: type[Params]) -> None:
        """Prepare the struct's twin, a subclass whose fields have types that msgspec checks."""
        every = slots(struct)
        self._texts = [slot for slot in every if _is_plain(slot.form)]
        self._keys = [slot for slot in self._texts if isinstance(slot.form, KeyForm)]
        self._formed = [slot for slot in every if _type_of(slot) is Any]
        self._defaults = {field.name: field.default for field in msgspec.structs.fields(struct) if not field.required}
        twin = msgspec.defstruct(
            struct.__name__,
            [self._field(slot) for slot in every],
            bases=(struct,),
            kw_only=True,
            rename={slot.name: slot.wire_names[0] for slot in every},
        )
        self._struct, self._list = twin, list[twin]  # type: ignore[valid-type]

    def _field(self, slot: Slot) -> tuple[str, Any, Any]:
        kind = _type_of(slot)
        if slot.is_required:
            return slot.name, kind, msgspec.NODEFAULT
        default = self._defaults[slot.name]
        # null means what is left out means, or clears.
        if default is None or slot.clears:
            kind = kind | None
        return slot.name, kind | msgspec.UnsetType if default is msgspec.UNSET else kind, default

    def read(self, items: Sequence[object]) -> list[Params | None]:
        """Return the struct of each line, and None for those that must be read field by field."""
        values: dict[str, dict[str, Any]] = {slot.name: {} for slot in self._formed}
        return [self._line(item, line, values) for item, line in zip(items, self._lines(items), strict=True)]

    def _lines(self, items: Sequence[object]) -> Iterable[Any]:
        try:
            result: list[Any] = msgspec.convert(items, self._list)
        except UNREADABLE:
            return [self._convert(item) for item in items]
        return result

    def _convert(self, item: object) -> Any:  # noqa: ANN401 - the twin
        try:
            return msgspec.convert(item, self._struct)
        except UNREADABLE:
            return None

    def _line(self, item: object, line: Any, values: dict[str, dict[str, Any]]) -> Params | None:  # noqa: ANN401 - the twin
        """Return a line after what its types do not say; `values` are those that earlier lines had, by field."""
        if line is None or not isinstance(item, dict):
            return None
        try:
            text = BAR.join(["", *[value for value in item.values() if value.__class__ is str], ""])
            if not (text.isascii() and text.isprintable()) or any(edge in text for edge in EDGES):
                self._mend(line, self._texts)
            for slot in self._keys:
                if "." in (getattr(line, slot.name) or ""):
                    self._mend(line, [slot])
            for slot in self._formed:
                self._read_formed(line, slot, values[slot.name])
        except InvalidFields:
            return None
        result: Params = line
        return result

    def _mend(self, line: Any, texts: Iterable[Slot]) -> None:  # noqa: ANN401 - the twin
        """Read those texts that are not simple as they are read field by field."""
        for slot in texts:
            value = getattr(line, slot.name)
            if value.__class__ is str and not (is_simple(value) and (slot not in self._keys or "." not in value)):
                setattr(line, slot.name, self._value(slot, value))

    def _read_formed(self, line: Any, slot: Slot, values: dict[str, Any]) -> None:  # noqa: ANN401 - the twin
        raw = getattr(line, slot.name)
        if raw is msgspec.UNSET or (raw is None and self._defaults.get(slot.name, MISSING) is None):
            return
        if raw.__class__ is not str:
            setattr(line, slot.name, self._value(slot, raw))
            return
        value = values.get(raw, MISSING)
        if value is MISSING:
            value = self._value(slot, raw)
            # Two lines must not share what can be changed.
            if not isinstance(value, dict | list):
                values[raw] = value
        setattr(line, slot.name, value)

    def _value(self, slot: Slot, raw: object) -> Any:  # noqa: ANN401 - depends on the form
        fields: dict[str, Any] = {}
        read_field(slot, {slot.wire_names[0]: [raw]}, fields)
        return fields.get(slot.name, self._defaults.get(slot.name))


def is_simple(text: str) -> bool:
    """Return whether a text is stored as it came: printable ASCII without surrounding spaces, and not empty."""
    return text != "" and text.isascii() and text.isprintable() and text[0] != " " and text[-1] != " "


def _is_plain(form: Form) -> TypeGuard[TextForm]:
    """Return whether a form leaves a simple text as it is, up to its length; a KeyForm, one without a point."""
    return type(form) in (TextForm, KeyForm) and isinstance(form, TextForm) and form.pattern is None


def _type_of(slot: Slot) -> Any:  # noqa: ANN401 - a type
    """Return the type that msgspec checks, or Any for a value that is read by its form."""
    form = slot.form
    if _is_plain(form):
        return Annotated[str, msgspec.Meta(max_length=form.max_length)]
    if type(form) is FlagForm:
        return bool
    if type(form) is IntegerForm and max(abs(form.minimum), abs(form.maximum)) <= MAX_INT64:
        return Annotated[int, msgspec.Meta(ge=form.minimum, le=form.maximum)]
    return Any


@cache
def typed_lines(struct: type[Params]) -> TypedLines | None:
    """Return what reads many lines of a struct, or None if its fields have more than one name or depend on others."""
    has_faults = struct.faults.__func__ is not Params.faults.__func__  # type: ignore[attr-defined]
    if has_faults or any(len(slot.wire_names) != 1 or slot.prefix is not None for slot in slots(struct)):
        return None
    return TypedLines(struct)
