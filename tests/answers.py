"""Every answer that any test gets is held against the API document and the catalogue, as it comes in."""

import json
import re
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import yaml

from fanfare import app
from fanfare.kernel.data.delivery import LINES
from fanfare.kernel.web import openapi
from tests import transport

COMPONENT = re.compile('"#/components/schemas/([^"]+)"')
Json = Any
CATALOGUE = Path(__file__).parents[1] / "contract" / "catalogue.yaml"
# Calls whose errors are those of OAuth 2.
OAUTH = "/openid/"
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "error", "request_id"],
    "properties": {
        "status": {"type": "integer", "minimum": 400},
        "code": {"type": "string", "pattern": "^[a-z_]+$"},
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": ["field", "message"]},
        },
    },
}
PROBLEM_FORM = jsonschema_rs.Draft202012Validator(PROBLEM)
# Calls that leave fields out: one has steps before its session, one what is unknown of a fan.
LEAVES_OUT = {"sessions_connect", "sessions_fan_get"}


@dataclass(frozen=True)
class Answers:
    """What the document and the catalogue say of a call's answers."""

    call_id: str
    pattern: re.Pattern[str]
    schema: Json
    statuses: frozenset[str]
    # how the rows lie in the answer, and the fields that each must have
    shape: str
    fields: frozenset[str]

    @cached_property
    def fits(self) -> jsonschema_rs.Draft202012Validator | None:
        """What checks an answer; made when it is needed, since those of all calls take a gigabyte."""
        return jsonschema_rs.Draft202012Validator(self.schema, validate_formats=True) if self.schema else None


@cache
def catalogue() -> list[Json]:
    """Return the calls of the catalogue, read by a parser in C: that in Python takes half a second."""
    result: list[Json] = yaml.load(CATALOGUE.read_text("utf-8"), yaml.CSafeLoader)
    return result


@cache
def answer_of() -> list[dict[str, Answers]]:
    """Return the calls of each path by method, literal paths before those with placeholders."""
    document = openapi.document(app.endpoints(), "0")
    results = {call["id"]: call["result"] for call in catalogue()}
    matches = []
    for path in sorted(document["paths"], key=lambda each: [part.startswith("{") for part in each.split("/")]):
        item = document["paths"][path].items()
        matches.append({verb.upper(): _answer_of(path, operation, document, results) for verb, operation in item})
    return matches


def _answer_of(path: str, operation: Json, document: Json, results: dict[str, Json]) -> Answers:
    content = operation["responses"]["200"].get("content", {}).get("application/json")
    schema = content and with_components(content["schema"], document)
    result = results.get(operation["operationId"], {"shape": "", "fields": []})
    return Answers(
        operation["operationId"],
        re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)) + "/?"),
        schema,
        frozenset(operation["responses"]),
        result["shape"],
        frozenset(name for name in result["fields"] if re.fullmatch(r"\w+", name)) & row_fields(schema, document),
    )


def with_components(schema: Json, document: Json) -> Json:
    """Return a schema with the components that it refers to: to compile all of them takes long and megabytes."""
    names: dict[str, Json] = {}
    queue = [schema]
    while queue:
        for name in set(COMPONENT.findall(json.dumps(queue.pop()))) - names.keys():
            names[name] = document["components"]["schemas"][name]
            queue.append(names[name])
    return {**schema, "components": {"schemas": names}}


def row_fields(schema: Json, document: Json) -> frozenset[str]:
    """Return the fields of a row: of the answer itself, of its items, or of the items under data."""
    schema = _resolved(schema or {}, document)
    if "items" in schema:
        return row_fields(schema["items"], document)
    properties = schema.get("properties", {})
    for name in ("data", "records"):
        if name in properties:
            return row_fields(properties[name], document)
    return frozenset(properties)


def _resolved(schema: Json, document: Json) -> Json:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def rows(body: Json) -> list[Json]:
    """Return the rows of an answer of any form."""
    if isinstance(body, dict):
        body = next((body[name] for name in ("data", "records") if isinstance(body.get(name), list)), [body])
    return [row for row in body if isinstance(row, dict)] if isinstance(body, list) else []


@lru_cache(10_000)
def _calls_of(path: str) -> dict[str, Answers]:
    """Return the calls of a path by method."""
    return next((each for each in answer_of() if next(iter(each.values())).pattern.fullmatch(path)), {})


def faults(method: str, path: str, status: int, body: Json) -> list[str]:
    """Return how an answer (its JSON, None when it has none) differs from what is told of its call."""
    path = re.sub(r"^/v1/", "/api/v1/", re.sub(r"/{2,}", "/", path))
    call = _calls_of(path).get(method)
    if status >= 400:
        results = [error.message for error in PROBLEM_FORM.iter_errors(body)]
        if not results and (body["status"] != status or ("errors" in body) != (status == 422)):
            results.append(f"status {body['status']} and errors do not fit {status}")
        return results + (
            [f"{status} is not told of {call.call_id}"] if call and str(status) not in call.statuses else []
        )
    if call is None or call.fits is None or body is None:
        return []
    results = [f"{call.call_id} {error.instance_path}: {error.message[:300]}" for error in call.fits.iter_errors(body)]
    fields = frozenset() if call.call_id in LEAVES_OUT else call.fields
    lacking = {name for row in rows(body) for name in fields - set(row)}
    return results + [f"{call.call_id}: a row lacks {name}" for name in sorted(lacking)]


def check(response: httpx.Response) -> None:
    """Hold an answer of the server against what is told of it."""
    is_head = response.request.method == "HEAD"
    kind = response.headers.get("content-type", "")
    body = response.json() if kind.endswith("json") and kind != LINES and response.content and not is_head else None
    is_oauth = response.request.url.path.startswith(OAUTH) and response.status_code != 405
    if response.status_code >= 400 and is_oauth and not is_head:
        assert kind == "application/json"
        assert set(body or ()) == {"error", "error_description", "request_id"}
        return
    if response.status_code >= 400 and not is_head:
        assert kind.startswith("application/problem+json"), f"{response.status_code} as {kind}"
    elif body is None:
        return
    path = response.request.url.raw_path.decode().partition("?")[0]
    result = faults(response.request.method, path, response.status_code, body)
    assert not result, result


class Client(transport.Client):
    """A client that checks whatever it gets, but what is read as a stream."""

    async def send(self, request: httpx.Request, *, stream: bool = False, **extra: Any) -> httpx.Response:
        response = await super().send(request, stream=stream, **extra)
        if not stream:
            check(response)
        return response
