"""Parameters: path, query, form, multipart and JSON are merged into one set, which is read into one struct."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import urlencode

import msgspec

from fanfare.kernel.callers import Account
from fanfare.kernel.errors import BadParameters, InvalidRequest, TooLarge, Unreadable
from fanfare.kernel.folding import fold
from fanfare.kernel.wire import (
    MAX_WEIGHT,
    Alias,
    Form,
    InvalidParts,
    ListForm,
    Wildcard,
    json_weight,
    parse_json,
    size_fault,
    storage_fault,
)

MAX_FIELDS = 1000
# Bytes of a text that are unescaped in one step.
PIECE = 16 * 1024
# A regular expression, because urllib is 20 times slower for percent signs that begin no escape.
ESCAPES = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")
# How PHP and others number the entries of a list.
NUMBERED_ENTRY = re.compile(r"(?<=.)\[[0-9]{1,9}\]$")
# Five times as fast as bytes.replace.
PLUS_TO_SPACE = bytes.maketrans(b"+", b" ")
# The maximum length of a text that means "no value".
MAX_NO_VALUE_LENGTH = 16
# The maximum number and length of ignored names in an answer.
MAX_NAMES = 20
MAX_NAME_LENGTH = 100
# Parameters that every call accepts.
CREDENTIALS = ("api_key", "api_secret")
Raw = dict[str, list[object]]
P = TypeVar("P", bound="Params")


class RequestContext(NamedTuple):
    """The account of a request, and when it arrived."""

    account: Account
    now: datetime


class Params(msgspec.Struct, kw_only=True):
    """The parameters of a call. A type `… | UnsetType` distinguishes an empty value (clear) from none (keep)."""

    # The example body in the API document.
    example: ClassVar[Mapping[str, object]] = {}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:  # noqa: ARG003 - for those below
        """Yield errors across fields; `values` has the fields that were sent and are valid on their own."""
        yield from ()

    @classmethod
    def account_faults(cls, values: Mapping[str, Any], context: RequestContext) -> Iterator[tuple[str, str]]:  # noqa: ARG003 - for those below
        """Yield errors that depend on the account or the time; `values` has the valid fields that were sent.

        The action checks them as well; this is called when a request is refused anyway, so that all errors are
        reported.
        """
        yield from ()


class Slot(msgspec.Struct, frozen=True):
    """How one field of a parameter struct is filled."""

    name: str
    wire_names: tuple[str, ...]
    form: Form
    is_required: bool
    clears: bool
    description: str
    prefix: str | None = None


@cache
def slots(struct: type[Params]) -> tuple[Slot, ...]:
    """Return the slots of a parameter struct, in the order of its fields."""
    hints = get_type_hints(struct, include_extras=True)
    names = {field.name for field in msgspec.structs.fields(struct) if field.required}
    return tuple(_slot(name, hints[name], is_required=name in names) for name in struct.__struct_fields__)


def _slot(name: str, hint: object, *, is_required: bool) -> Slot:
    annotations = list(_annotations(hint))
    description = next((annotation for annotation in annotations if isinstance(annotation, str)), "")
    clears = msgspec.UnsetType in annotations
    wildcard = next((annotation for annotation in annotations if isinstance(annotation, Wildcard)), None)
    if wildcard:
        return Slot(
            name, (), wildcard.each, is_required=False, clears=clears, description=description, prefix=wildcard.prefix
        )
    form = next((annotation for annotation in annotations if isinstance(annotation, Form)), None)
    if form is None:
        message = f"{name} has no Form in its annotation"
        raise TypeError(message)
    if form.note:
        description = f"{description.rstrip('.')}. {form.note}".lstrip(". ")
    aliases = [annotation for annotation in reversed(annotations) if isinstance(annotation, Alias)]
    names = [alias.name for alias in aliases]
    if not any(alias.only for alias in aliases):
        names.insert(0, name)
    if isinstance(form, ListForm):
        names += [f"{each}[]" for each in names if not each.endswith("[]")]
    return Slot(name, tuple(names), form, is_required, clears, description)


def _annotations(hint: object) -> Iterator[object]:
    """Yield the metadata of an annotation, outermost first, and UnsetType if the union contains it."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *annotations = get_args(hint)
        # Python flattens nested Annotated into one list, with the outermost last.
        yield from reversed(annotations)
        yield from _annotations(inner)
    elif origin in (Union, UnionType):
        for part in get_args(hint):
            yield from _annotations(part)
    elif hint is msgspec.UnsetType:
        yield hint


@cache
def _places(struct: type[Params]) -> tuple[dict[str, int], frozenset[int], frozenset[int]]:
    """Return the place of each slot by its wire names, the places of those that are required, and of wildcards."""
    every = list(enumerate(slots(struct)))
    names = {name: place for place, slot in every for name in slot.wire_names}
    required = frozenset(place for place, slot in every if slot.is_required)
    return names, required, frozenset(place for place, slot in every if slot.prefix is not None)


def read(struct: type[P], raw: Raw) -> P:
    """Return the struct filled from the raw parameters; raises BadParameters with all wrong fields.

    An empty value means "not sent", or "clear" if the field distinguishes the two.
    """
    fields: dict[str, Any] = {}
    errors: list[tuple[str, str]] = []
    names, required, wildcards = _places(struct)
    # What was not sent is not looked at: a call has a few of many.
    places = {names[name] for name in raw if name in names} | required
    for place in sorted(places if raw.keys() <= names.keys() else places | wildcards):
        slot = slots(struct)[place]
        try:
            if slot.prefix is None:
                read_field(slot, raw, fields)
            else:
                _read_wildcard(slot, names, raw, fields)
        except InvalidFields as wrong:
            errors += wrong.errors
    wrong_fields = {field for field, _ in errors}
    errors += [fault for fault in struct.faults(fields) if fault[0] not in wrong_fields]
    if errors:
        raise BadParameters(errors, fields)
    return struct(**fields)


def read_one(slot: Slot, wire_name: str, value: object) -> Any:  # noqa: ANN401 - depends on the slot
    """Return the value of a parameter that was sent once under this name, UNSET if it means none.

    That of a wildcard is the value of its one entry. Raises BadParameters.
    """
    fields: dict[str, Any] = {}
    try:
        if slot.prefix is None:
            read_field(slot, {wire_name: [value]}, fields)
            return fields.get(slot.name, msgspec.UNSET)
        _read_wildcard(slot, (), {wire_name: [value]}, fields)
        return fields[slot.name][wire_name.removeprefix(slot.prefix)]
    except InvalidFields as wrong:
        raise BadParameters(wrong.errors) from None


def select_fields(struct: type[Params], raw: Raw) -> Raw:
    """Return the raw parameters that a struct reads."""
    names = {name for slot in slots(struct) for name in slot.wire_names}
    prefixes = tuple(slot.prefix for slot in slots(struct) if slot.prefix is not None)
    return {name: values for name, values in raw.items() if name in names or name.startswith(prefixes)}


def present_fields(params: Params) -> dict[str, Any]:
    """Return the fields of a struct that have a value."""
    fields = ((name, getattr(params, name)) for name in params.__struct_fields__)
    return {name: value for name, value in fields if value is not None and value is not msgspec.UNSET}


def ignored_names(struct: type[Params] | None, raw: Raw) -> list[str]:
    """Return the names that were sent but that the call does not read, bounded in number and length."""
    read_names = select_fields(struct, raw) if struct else {}
    names = [name for name in raw if name not in read_names and name not in CREDENTIALS]
    return [name[:MAX_NAME_LENGTH].encode("utf-8", "replace").decode() for name in names[:MAX_NAMES]]


class InvalidFields(Exception):  # noqa: N818 - never leaves what reads parameters
    """What is wrong with a field, or with each part of it."""

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        """`errors` are names on the wire with messages."""
        self.errors = errors


def read_field(slot: Slot, raw: Raw, fields: dict[str, Any]) -> None:
    """Put the value of a slot into `fields` if there is one; raises InvalidFields."""
    for wire_name in slot.wire_names:
        if wire_name in raw:
            values = raw[wire_name]
            break
    else:
        if slot.is_required:
            raise InvalidFields([(slot.wire_names[0], "is required")])
        return
    value = values[0] if len(values) == 1 else _merge_values(slot, wire_name, values)
    if wire_name.endswith("[]") and isinstance(value, str):
        # One entry, as each of several under such a name; a comma list has the name without brackets.
        value = [value]
    if _is_missing(slot.form, value):
        if slot.clears and values and _is_empty(value):
            fields[slot.name] = None
        elif slot.is_required:
            raise InvalidFields([(slot.wire_names[0], "is required")])
        return
    fields[slot.name] = _read_value(slot.form, wire_name, value)


def _merge_values(slot: Slot, wire_name: str, values: list[object]) -> object:
    """Return the value of a parameter that was sent several times, or as an empty array."""
    if isinstance(slot.form, ListForm):
        # One value may be a comma list, several are the entries.
        return values or None
    if any(value != values[0] for value in values):
        raise InvalidFields([(wire_name, "was sent more than once")])
    return values[0] if values else None


def _is_missing(form: Form, value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        word = value.strip()
        return not value or (len(word) <= MAX_NO_VALUE_LENGTH and fold(word) in form.nothing)
    return isinstance(form, ListForm) and value == [""]


def _is_empty(value: object) -> bool:
    """Return whether a value is the empty text or null; words such as "none" mean no value, but clear no field."""
    return not isinstance(value, str) or not value.strip()


def _read_value(form: Form, wire_name: str, value: object) -> object:
    try:
        if not form.is_line and (fault := storage_fault(value)):
            raise ValueError(fault)  # noqa: TRY301 - handled below
        return form.read(value)
    except InvalidParts as wrong:
        raise InvalidFields([(f"{wire_name}{path}", message) for path, message in wrong.errors]) from None
    except ValueError as error:
        raise InvalidFields([(wire_name, str(error))]) from None


def _read_wildcard(slot: Slot, names: Container[str], raw: Raw, fields: dict[str, Any]) -> None:
    prefix = slot.prefix or ""
    result: dict[str, Any] = {}
    errors: list[tuple[str, str]] = []
    for wire_name, values in raw.items():
        if not wire_name.startswith(prefix) or wire_name in names or wire_name == prefix:
            continue
        key = wire_name[len(prefix) :]
        value = values[0] if len(values) == 1 else values
        try:
            if fault := storage_fault(key):
                raise InvalidFields([(wire_name.encode("utf-8", "replace").decode().replace("\0", ""), fault)])  # noqa: TRY301 - collected below
            result[key] = None if _is_missing(slot.form, value) else _read_value(slot.form, wire_name, value)
        except InvalidFields as wrong:
            errors += wrong.errors
    if result:
        fields[slot.name] = result
    # They are stored together.
    if not errors and (fault := size_fault(result)):
        errors.append((f"{prefix}*", fault))
    if errors:
        raise InvalidFields(errors)


def from_query(text: bytes) -> Raw:
    """Return the parameters of a query string or a urlencoded form."""
    if not text:
        return {}
    check_count(text.count(b"&") + 1)
    raw: Raw = {}
    try:
        for pair in text.split(b"&"):
            name, _, value = pair.partition(b"=")
            if name:
                add(raw, _unescaped(name), _unescaped(value))
    except UnicodeError:
        message = "the parameters are not valid UTF-8"
        raise Unreadable(message) from None
    return raw


def add(raw: Raw, name: str, value: str) -> None:
    """Add a parameter of a query or a form. A numbered entry, name[0], is added to name[], in order of arrival."""
    if name.endswith("]"):
        name = NUMBERED_ENTRY.sub("[]", name)
    raw.setdefault(name, []).append(value)


def _characters(escapes: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escapes[0].replace(b"%", b"").decode())


def _unescaped(text: bytes) -> str:
    """Decode percent escapes and plus signs; in steps, because a step holds the interpreter lock."""
    text = text.translate(PLUS_TO_SPACE)
    if b"%" not in text:
        return text.decode()
    pieces = []
    start = 0
    while start < len(text):
        end = start + PIECE
        # Do not split an escape, which has three characters.
        escape = text.rfind(b"%", end - 2, end)
        end = end if escape < 0 else escape
        pieces.append(ESCAPES.sub(_characters, text[start:end]))
        start = end
    return b"".join(pieces).decode()


def single_values(raw: Raw) -> dict[str, str]:
    """Return the parameters as texts; raises InvalidRequest for one that was sent twice or cannot be stored."""
    for name, values in raw.items():
        if len(values) != 1 or not isinstance(values[0], str) or storage_fault(values[0]):
            message = f"{name[:40]} was sent more than once, or is not a text"
            raise InvalidRequest(message)
    return {name: str(value) for name, (value,) in raw.items()}


def with_query(url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return a URL, which stays as it is, with more parameters after it; it must have no fragment."""
    query = urlencode([*pairs])
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{query}"


def from_json(body: bytes) -> Raw:
    """Return the parameters of a JSON body: its members, or under the name '' a value that is not an object.

    No other parameter has that name; `name_array` handles it.
    """
    if json_weight(body) > MAX_WEIGHT:
        message = "the body has too many values; split it into several requests"
        raise TooLarge(message)
    try:
        value = parse_json(body)
    except ValueError as error:
        message = f"the body {error}"
        raise Unreadable(message) from None
    if not isinstance(value, dict):
        return {"": [value]}
    check_count(len(value))
    return {name: [member] for name, member in value.items() if name}


def name_array(raw: Raw, array_field: str | None) -> None:
    """Rename a JSON array body to the field that receives it; raises Unreadable for any other body but an object."""
    if "" not in raw:
        return
    (value,) = raw.pop("")
    if array_field is None or not isinstance(value, list):
        message = f"the body must be a JSON object{' or array' if array_field else ''}"
        raise Unreadable(message)
    raw[array_field] = [value]


def check_count(count: int) -> None:
    """Raise TooLarge for more than 1,000 parameters, counting repeated names; called before they are parsed."""
    if count > MAX_FIELDS:
        message = f"more than {MAX_FIELDS} parameters"
        raise TooLarge(message)
