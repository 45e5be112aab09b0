"""Examples generated from a field's name and JSON Schema, for structs that declare none."""

import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

MAX_DEPTH = 6
FORMATS = {
    "date": "2026-03-14",
    "date-time": "2026-03-14T19:30:00Z",
    "uuid": "6f1c0a52-8f0e-4b7e-9a55-3f0f8a2f4c11",
    "decimal": "12.50",
}
# Example values by field name; the first matching pattern counts.
TEXTS = (
    (r"email$", "ada@example.com"),
    (r"phone$", "+16045550142"),
    (r"_url$|^url$", "https://www.example.com/"),
    (r"_iso$", "2026-03-14T19:30:00Z"),
    (r"_uid$|^uid$", "6f1c0a52-8f0e-4b7e-9a55-3f0f8a2f4c11"),
    (r"time_zone$", "America/Vancouver"),
    (r"ip_address|^ip$", "192.0.2.7"),
    (r"first_name$", "Ada"),
    (r"last_name$", "Moreau"),
    (r"birth_date$", "1990-05-17"),
    (r"_date$", "2026-03-14"),
    (r"_timestamp$", "2026-03-14 19:30:00"),
    (r"city$", "Vancouver"),
    (r"province(_code)?$", "BC"),
    (r"country(_code)?$", "CA"),
    (r"currency$", "CAD"),
    (r"postal_code$", "V6B 1A1"),
)
INTEGERS = ((r"(_timestamp|^timestamp)$", 1773516600), (r"_id$", 1042), (r"count$|limit$", 100))
NUMBERS = ((r"latitude$", 49.2778), (r"longitude$", -123.1088))


def example(name: str, schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int = 0) -> object:
    """Return a value that fits a schema, or None if there is none.

    `schemas` are the components that references point to.
    """
    candidates = [*schema.get("examples", ()), *schema.get("enum", ()), schema.get("const"), schema.get("default")]
    value = next((each for each in candidates if each is not None), None)
    if value is not None:
        return value
    if "$ref" in schema:
        target = schema["$ref"].rpartition("/")[2]
        return example(name, schemas[target], schemas, depth + 1) if depth < MAX_DEPTH else None
    if "anyOf" in schema:
        variant: Json = next((each for each in schema["anyOf"] if each.get("type") != "null"), {})
        return example(name, variant, schemas, depth)
    return _of_type(name, schema, schemas, depth)


def _of_type(name: str, schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> object:
    kinds = schema.get("type")
    value: object = None
    match kinds[0] if isinstance(kinds, list) else kinds:
        case "string":
            value = _text(name, schema)
        case "integer":
            value = _bounded(_by_name(name, INTEGERS, 1), schema)
        case "number":
            value = _bounded(_by_name(name, NUMBERS, 12.5), schema)
        case "boolean":
            value = True
        case "array":
            item = example(name.removesuffix("s"), schema.get("items", {}), schemas, depth + 1)
            value = [] if item is None else [item]
        case "object":
            value = _object(schema, schemas, depth)
    return value


def _text(name: str, schema: Mapping[str, Any]) -> str | None:
    text = FORMATS.get(schema.get("format", "")) or _by_name(name, TEXTS, name.replace("_", " ").strip())
    text = text[: schema.get("maxLength", len(text))]
    return text if re.search(schema.get("pattern", ""), text) else None


def _by_name(name: str, table: tuple[tuple[str, Any], ...], default: Any) -> Any:  # noqa: ANN401 - what the table has
    return next((value for pattern, value in table if re.search(pattern, name)), default)


def _bounded(number: float, schema: Mapping[str, Any]) -> float:
    minimum: float = schema.get("minimum", number)
    maximum: float = schema.get("maximum", number)
    return max(minimum, min(maximum, number))


def _object(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> Json | None:
    if depth >= MAX_DEPTH:
        return None if schema.get("required") else {}
    return {
        name: example(name, part, schemas, depth + 1)
        for name, part in schema.get("properties", {}).items()
        if name in schema.get("required", ()) or depth == 0
    }
