"""The API document is a valid OpenAPI 3.1 document, and each of its examples fits its own schema."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from fanfare import app
from fanfare.kernel.web import openapi
from fanfare.kernel.web.openapi.document import NO_URL

Json = dict[str, Any]
BASE = "urn:document"


def document_faults(document: Json) -> list[str]:
    """Return where the document breaks the OpenAPI 3.1 specification."""
    result = OpenAPIV31SpecValidator(document).iter_errors()
    return [f"{'/'.join(str(part) for part in error.absolute_path)}: {error.message[:200]}" for error in result]


def examples(node: object, path: str = "#") -> Iterator[tuple[str, Json, object]]:
    """Yield each example with its place and the schema that it stands beside."""
    if isinstance(node, dict):
        schema = node.get("schema")
        if isinstance(schema, dict) and "example" in node:
            yield path, schema, node["example"]
        if isinstance(schema, dict) and isinstance(node.get("examples"), dict):
            for name, example in node["examples"].items():
                yield f"{path}/examples/{name}", schema, example.get("value")
        if isinstance(node.get("examples"), list) and "schema" not in node:
            for example in node["examples"]:
                yield path, node, example
        for name, child in node.items():
            yield from examples(child, f"{path}/{name}")
    elif isinstance(node, list):
        for place, child in enumerate(node):
            yield from examples(child, f"{path}/{place}")


def example_faults(document: Json) -> list[str]:
    """Return the examples that their schema refuses."""
    registry: Registry[Any] = Registry().with_resource(BASE, DRAFT202012.create_resource(document))
    result = []
    for path, schema, example in examples(document):
        validator = Draft202012Validator(
            _absolute(schema), registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        result += [f"{path}: {error.message[:200]}" for error in validator.iter_errors(example)]
    return result


def _absolute(node: Any) -> Any:
    """Return a schema whose references lead into the document."""
    if isinstance(node, dict):
        return {
            name: f"{BASE}{child}" if name == "$ref" and isinstance(child, str) else _absolute(child)
            for name, child in node.items()
        }
    return [_absolute(child) for child in node] if isinstance(node, list) else node


def array_faults(node: object, path: str = "#") -> Iterator[str]:
    """Yield the arrays that do not say what is in them."""
    if isinstance(node, dict):
        if node.get("type") == "array" and "items" not in node:
            yield path
        for name, child in node.items():
            yield from array_faults(child, f"{path}/{name}")
    elif isinstance(node, list):
        for place, child in enumerate(node):
            yield from array_faults(child, f"{path}/{place}")


def told_faults(document: Json) -> Iterator[str]:
    """Yield the operations that lack what a reader needs: summary, id, answer, refusals, words on each parameter."""
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            place = f"{verb.upper()} {path}"
            lacking = {"operationId", "summary", "description", "tags", "security", "responses", "externalDocs"}
            lacking -= set(operation)
            yield from (f"{place} lacks {name}" for name in sorted(lacking))
            answers = set(operation.get("responses", {}))
            codes = ("200", "401", "422", "429", *(("404",) if "{" in path else ()))
            yield from (f"{place} does not tell {code}" for code in codes if code not in answers)
            link = f"{NO_URL}/manage/console?call={operation.get('operationId')}"
            if operation.get("externalDocs", {}).get("url") != link:
                yield f"{place} does not lead to its form in the console"
            for parameter in operation.get("parameters", []):
                if "$ref" not in parameter and not parameter.get("description"):
                    yield f"{place} does not describe {parameter['name']}"
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                yield from (f"{place} {fault} of {kind}" for fault in body_faults(document, content))


def body_faults(document: Json, content: Json) -> Iterator[str]:
    """Yield what a body lacks: an example, and words on each field."""
    schema = resolved(document, content["schema"])
    if not {"example", "examples"} & (content.keys() | schema.keys()):
        yield "has no example"
    for name, field in schema.get("properties", {}).items():
        if not (field.get("description") or resolved(document, field).get("description")):
            yield f"does not describe {name}"


def resolved(document: Json, schema: Json) -> Json:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


@pytest.fixture(scope="module")
def document() -> Json:
    created: Json = openapi.document(app.endpoints(), "0")
    return created


def test_document_is_valid(document: Json) -> None:
    assert document["openapi"].startswith("3.1")
    assert document_faults(document) == []


def test_examples_fit(document: Json) -> None:
    assert example_faults(document) == []


def test_arrays_have_items(document: Json) -> None:
    assert list(array_faults(document)) == []
    assert list(array_faults({"a": [{"type": "array"}]})) == ["#/a/0"]


def test_every_operation_is_told(document: Json) -> None:
    assert list(told_faults(document)) == []


BAD: Json = {
    "openapi": "3.1.0",
    "info": {"title": "bad", "version": "0"},
    "paths": {
        "/x": {
            "get": {
                "parameters": [
                    {"name": "n", "in": "query", "schema": {"$ref": "#/components/schemas/N"}, "example": "x"},
                    {
                        "name": "t",
                        "in": "query",
                        "schema": {"type": "string", "format": "date-time"},
                        "example": "2026-05-01 17:30:00",
                    },
                ],
                "responses": {"200": {"description": "ok"}},
            }
        }
    },
    "components": {"schemas": {"N": {"type": "integer", "examples": [1, "one"]}}},
}


def test_each_shape_has_a_name_of_its_own(document: Json) -> None:
    """Two structs of one name are told apart by their modules, and then generators of clients leave them out."""
    assert [name for name in document["components"]["schemas"] if "." in name] == []


def test_sees_a_wrong_document() -> None:
    assert document_faults(BAD) == []
    assert document_faults({**BAD, "paths": {"/x": {"get": {"responses": {"200": {}}}}}}) != []


def test_sees_a_wrong_example_and_what_is_not_told() -> None:
    assert example_faults(BAD) == [
        "#/paths//x/get/parameters/0: 'x' is not of type 'integer'",
        "#/paths//x/get/parameters/1: '2026-05-01 17:30:00' is not a 'date-time'",
        "#/components/schemas/N: 'one' is not of type 'integer'",
    ]
    assert "GET /x does not describe n" in told_faults(BAD)
    assert "GET /x lacks summary" in told_faults(BAD)
    body = {"schema": {"properties": {"a": {"type": "string"}, "b": {"$ref": "#/components/schemas/N"}}}}
    assert list(body_faults(BAD, body)) == ["has no example", "does not describe a", "does not describe b"]
    assert "GET /x does not tell 401" in told_faults(BAD)
