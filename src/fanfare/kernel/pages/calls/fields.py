"""Turns the parameters and bodies of an OpenAPI operation into fields of a form."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fanfare.kernel.pages.calls.schemas import CallField, Kind, Where
from fanfare.kernel.web.openapi.parameters import FILE

Json = Mapping[str, Any]
ALIAS = re.compile(r"Alias of `")
# Values that are hidden while they are typed, and that links and the history leave out.
SECRET = re.compile(r"(^|_)(password|secret|token|client_secret|private_key|access_key|credential|code)$")
# The beginning of the names that a pattern of properties allows, as the document writes it.
PREFIX = re.compile(r"\^((?:\\.|[A-Za-z0-9_-])*)")
# A text that may be longer than this has several lines.
LONG_TEXT = 1000


def fields_of(operation: Json, components: Json) -> Iterator[CallField]:
    """Yield the fields of an operation: path first, then query, body and headers; aliases are left out."""
    parameters = [_target(each, components) for each in operation["parameters"]]
    yield from (_parameter(each, components) for each in parameters if each["in"] == "path")
    yield from (_parameter(each, components) for each in parameters if each["in"] == "query" and not _is_alias(each))
    yield from _body(operation.get("requestBody", {}).get("content", {}), components)
    yield from (_parameter(each, components) for each in parameters if each["in"] == "header")
    yield from _accept(operation["responses"])


def _target(part: Json, components: Json) -> Json:
    """Return what a reference leads to."""
    if "$ref" not in part:
        return part
    *_, kind, name = part["$ref"].split("/")
    target: Json = components[kind][name]
    return target


def _is_alias(part: Json) -> bool:
    return ALIAS.match(part.get("description", "")) is not None


def _parameter(part: Json, components: Json) -> CallField:
    schema = part["schema"] if "schema" in part else part["content"]["application/json"]["schema"]
    return _field(part["name"], part["in"], {**schema, **part}, schema, components)


def _body(content: Json, components: Json) -> Iterator[CallField]:
    if FILE in content:
        yield CallField("file", "body", "file", "The content of the file.", is_required=True)
    if "application/json" not in content:
        return
    media = content["application/json"]
    schema = next(iter(media["schema"].get("anyOf", [media["schema"]])))
    schema = _target(schema, components)
    needed = {*schema.get("required", ()), *(_first_choice(each) for each in schema.get("allOf", ()))}
    for name, part in schema.get("properties", {}).items():
        if not _is_alias(part):
            extra = {"example": media.get("example", {}).get(name), "required": name in needed}
            yield _field(name, "body", {**part, **extra}, part, components)
    for pattern, part in schema.get("patternProperties", {}).items():
        match = PREFIX.match(pattern)
        prefix = re.sub(r"\\(.)", r"\1", match[1]) if match else ""
        yield CallField(f"{prefix}*", "body", "pairs", part.get("description", ""))


def _first_choice(part: Json) -> str:
    """Return the first of the names of which one is needed."""
    return str(part["anyOf"][0]["required"][0])


def _accept(responses: Json) -> Iterator[CallField]:
    types = tuple(responses.get("200", {}).get("content", {}))
    if len(types) > 1:
        yield CallField("Accept", "header", "choice", "The form of the answer.", choices=types, default=types[0])


def _field(name: str, where: Where, part: Json, schema: Json, components: Json) -> CallField:
    is_nullable, schema = _plain(schema, components)
    kind = _kind(name, schema, components)
    item = _plain(schema.get("items", {}), components)[1] if kind == "list" else schema
    sample = part.get("example")
    samples = [sample] if sample is not None else list(item.get("examples", ()))
    return CallField(
        name=name, where=where, kind=kind, description=part.get("description", ""),
        is_required=part.get("required") is True, is_number=_type(item) in NUMBERS, is_nullable=is_nullable,
        choices=tuple(str(each) for each in schema.get("enum", ()) if each is not None),
        minimum=item.get("minimum"), maximum=item.get("maximum"),
        default=_text(schema.get("default"), kind), sample=_text(samples[0], kind) if samples else "",
    )  # fmt: skip


NUMBERS = ("integer", "number")


def _plain(schema: Json, components: Json) -> tuple[bool, Json]:
    """Return whether a schema allows null, and the schema without that and without references."""
    schema = _target(schema, components)
    kinds = schema.get("type")
    is_nullable = isinstance(kinds, list) and "null" in kinds
    variants = [_target(each, components) for each in schema.get("anyOf", ())]
    if variants and kinds is None:
        concrete = [each for each in variants if each.get("type") != "null"]
        is_nullable, schema = len(concrete) < len(variants), {**concrete[0], **_without(schema, "anyOf")}
        if len(concrete) > 1:
            schema = _without(schema, "format")
    return is_nullable, schema


def _without(schema: Json, name: str) -> Json:
    return {each: value for each, value in schema.items() if each != name}


def _type(schema: Json) -> str:
    kinds = schema.get("type", "")
    return str(next(each for each in kinds if each != "null")) if isinstance(kinds, list) else str(kinds)


def _kind(name: str, schema: Json, components: Json) -> Kind:
    kind = _type(schema)
    if kind == "object":
        return "pairs" if name.endswith("*") else "json"
    if kind == "array":
        items = _type(_plain(schema.get("items", {}), components)[1])
        return "list" if items in ("string", *NUMBERS) else "json"
    if kind in NUMBERS:
        return "number"
    if "enum" in schema:
        return "choice"
    return "flag" if kind == "boolean" else _text_kind(name, schema)


def _text_kind(name: str, schema: Json) -> Kind:
    if SECRET.search(name):
        return "secret"
    if schema.get("format") == "date":
        return "date"
    return "long" if schema.get("maxLength", 0) > LONG_TEXT else "text"


def _text(value: object, kind: Kind) -> str:
    """Return a value as it is typed into a field."""
    if value is None:
        return ""
    if kind == "list" and isinstance(value, list):
        return "\n".join(str(each) for each in value)
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
