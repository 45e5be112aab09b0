"""Input: the slots of a parameter struct as OpenAPI parameters, or as properties of a body."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from fanfare.kernel.parameters import Slot, slots
from fanfare.kernel.web.endpoint import Endpoint
from fanfare.kernel.web.openapi.examples import example

Json = dict[str, Any]

# The number of optional fields in a generated example body.
MAX_OPTIONAL_FIELDS = 6
FILE = "application/octet-stream"


def path_names(path: str) -> list[str]:
    """Return the names of the fields in a path."""
    return re.findall(r"\{([^}]+)", path)


def parameters(endpoint: Endpoint) -> list[Json]:
    """Return the parameters of a call that are not part of its body."""
    result: list[Json] = []
    for slot in _slots(endpoint):
        in_path = _path_name(endpoint, slot)
        if in_path:
            result.append(_path_parameter(endpoint, slot, in_path))
        elif endpoint.method != "POST" or endpoint.takes_file:
            result += _query_parameters(endpoint, slot)
    result.sort(key=lambda parameter: parameter["in"] != "path")
    if endpoint.is_write and not endpoint.takes_file:
        result.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if endpoint.has_etag:
        result.append({"$ref": "#/components/parameters/IfNoneMatch"})
    return result


def _slots(endpoint: Endpoint) -> tuple[Slot, ...]:
    return slots(endpoint.params) if endpoint.params else ()


def _path_name(endpoint: Endpoint, slot: Slot) -> str | None:
    return next((name for name in path_names(endpoint.path) if name in slot.wire_names), None)


def _path_parameter(endpoint: Endpoint, slot: Slot, name: str) -> Json:
    schema = _not_empty(slot_schema(endpoint, slot, with_default=False))
    parameter: Json = {"name": name, "in": "path", "required": True, "schema": schema}
    sample = example(name, schema, {})
    if sample is not None:
        parameter["example"] = sample
    return _described(parameter, slot.description)


def _query_parameters(endpoint: Endpoint, slot: Slot) -> Iterator[Json]:
    if slot.prefix is not None:
        yield _query_wildcard(endpoint, slot)
        return
    first, *aliases = documented_names(slot)
    schema = slot_schema(endpoint, slot)
    is_required = slot.is_required and not aliases
    yield _described(_query(first, _not_empty(schema) if is_required else schema, is_required), slot.description)
    for alias in aliases:
        yield _described(_query(alias, schema, is_required=False), f"Alias of `{first}`.")


def _query(name: str, schema: Json, is_required: bool) -> Json:  # noqa: FBT001 - private, two callers
    parameter: Json = {"name": name, "in": "query"}
    if is_required:
        parameter["required"] = True
    if schema.get("type") == "object":
        return {**parameter, "content": {"application/json": {"schema": schema}}}
    if schema.get("type") == "array" and "$ref" in schema["items"]:
        # A list of objects is one JSON text; some generators of clients cannot build parameters with `content`.
        samples = [msgspec.json.encode(each).decode() for each in schema.get("examples", ())]
        text = {"type": "string", "contentMediaType": "application/json", "contentSchema": {**schema, "examples": []}}
        return {**parameter, "schema": text | {"examples": samples}}
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": True}
    return {**parameter, "schema": schema}


def _query_wildcard(endpoint: Endpoint, slot: Slot) -> Json:
    # In OpenAPI, an exploded object means that each property is a separate parameter.
    schema = {"type": "object", "patternProperties": _pattern(endpoint, slot), "additionalProperties": False}
    parameter = {"name": f"{slot.prefix}*", "in": "query", "style": "form", "explode": True, "schema": schema}
    return _described(parameter, slot.description)


def _pattern(endpoint: Endpoint, slot: Slot) -> Json:
    prefix = slot.prefix or ""
    names = [name for each in _slots(endpoint) for name in each.wire_names if name.startswith(prefix)]
    suffixes = "|".join(sorted(re.escape(name[len(prefix) :]) for name in names))
    exclusion = f"(?!(?:{suffixes})$)" if suffixes else ""
    return {f"^{re.escape(prefix)}{exclusion}.+$": _nullable(slot.form.schema())}


def documented_names(slot: Slot) -> list[str]:
    """Return the names of a slot to document; `name[]` is left out, since every list accepts it."""
    return [name for name in slot.wire_names if not (name.endswith("[]") and name[:-2] in slot.wire_names)]


def _described(schema: Json, description: str) -> Json:
    return {**schema, "description": sentence(description)} if description else schema


def sentence(text: str) -> str:
    """Return a description as a sentence: with an initial capital and a full stop."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def slot_schema(endpoint: Endpoint, slot: Slot, *, with_default: bool = True) -> Json:
    """Return the schema of a slot with its default."""
    schema = slot.form.schema()
    if endpoint.params is None or not with_default:
        return schema
    field = next(each for each in msgspec.structs.fields(endpoint.params) if each.name == slot.name)
    if field.default in (None, msgspec.NODEFAULT, msgspec.UNSET):
        return schema
    return {**schema, "default": msgspec.to_builtins(field.default, builtin_types=())}


def _not_empty(schema: Json) -> Json:
    """Exclude the empty value: it means that the parameter is missing, so a required one cannot have it."""
    if schema.get("type") == "array":
        return {"minItems": 1, **schema}
    if schema.get("type") == "string" and not schema.keys() & {"enum", "format", "pattern"}:
        return {**schema, "minLength": 1, "pattern": r"\S"}
    return schema


def _nullable(schema: Json) -> Json:
    """Allow null, which clears the field."""
    kind = schema.get("type")
    if not isinstance(kind, str):
        return schema
    nullable = {**schema, "type": [kind, "null"]}
    if "enum" in schema:
        nullable["enum"] = [*schema["enum"], None]
    return nullable


def body(endpoint: Endpoint, schemas: Json) -> Json | None:
    """Return the requestBody of a write, or None; adds its schema to `schemas`."""
    if endpoint.takes_file:
        schema = {"type": "string", "format": "binary"}
        return {"required": True, "content": {FILE: {"schema": schema, "example": "email\nada@example.com"}}}
    if endpoint.method != "POST" or endpoint.params is None:
        return None
    body_slots = [slot for slot in _slots(endpoint) if not _path_name(endpoint, slot)]
    if not body_slots:
        return None
    schema = _body_schema(endpoint, body_slots)
    name = _add_schema(schemas, endpoint.params.__name__, endpoint.call_id, schema)
    ref = {"$ref": f"#/components/schemas/{name}"}
    array = next((slot for slot in body_slots if slot.name == endpoint.array_field), None)
    media = {
        "schema": {"anyOf": [ref, array.form.schema()]} if array else ref,
        "example": _body_example(endpoint.params.example, body_slots, schema),
    }
    # Forms are accepted too, but given several content types, some generators send each field once per content type.
    content = {"application/json": media}
    is_required = bool(schema.get("required") or schema.get("allOf"))
    return {"required": is_required, "content": content}


def _body_schema(endpoint: Endpoint, body_slots: Iterable[Slot]) -> Json:
    properties: Json = {}
    patterns: Json = {}
    required: list[str] = []
    alternatives: list[Json] = []
    for slot in body_slots:
        if slot.prefix is not None:
            patterns |= {key: _described(part, slot.description) for key, part in _pattern(endpoint, slot).items()}
            continue
        names = documented_names(slot)
        properties |= _properties(endpoint, slot, names)
        if slot.is_required and len(names) == 1:
            required.append(names[0])
        elif slot.is_required:
            alternatives.append({"anyOf": [{"required": [name]} for name in names]})
    part: Json = {"type": "object", "properties": properties}
    if endpoint.params and endpoint.params.__doc__:
        part["description"] = inspect.cleandoc(endpoint.params.__doc__)
    extra = {"patternProperties": patterns, "required": required, "allOf": alternatives}
    return part | {key: value for key, value in extra.items() if value}


def _properties(endpoint: Endpoint, slot: Slot, names: list[str]) -> Json:
    schema = slot_schema(endpoint, slot)
    if slot.is_required:
        schema = _not_empty(schema)
    elif slot.clears:
        schema = _nullable(schema)
    first, *aliases = names
    result = {first: _described(schema, slot.description)}
    return result | {alias: _described(schema, f"Alias of `{first}`.") for alias in aliases}


def _add_schema(schemas: Json, name: str, call_id: str, schema: Json) -> str:
    """Add a schema under its struct's name, or with the call's id appended if the name is taken by another schema."""
    if schemas.setdefault(name, schema) != schema:
        name = f"{name}_{call_id}"
        schemas[name] = schema
    return name


def _body_example(values: Mapping[str, object], body_slots: Iterable[Slot], schema: Json) -> Json:
    if values:
        return dict(values)
    plain = [slot for slot in body_slots if slot.prefix is None]
    example_slots = [slot for slot in plain if slot.is_required] + [slot for slot in plain if not slot.is_required][
        :MAX_OPTIONAL_FIELDS
    ]
    names = [slot.wire_names[0] for slot in example_slots]
    return {name: value for name in names if (value := example(name, schema["properties"][name], {})) is not None}
