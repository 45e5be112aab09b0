"""Output: the answer structs as msgspec's JSON Schema, and every refusal as problem+json."""

from collections.abc import Iterable
from types import NoneType
from typing import Any, get_args, get_origin

import msgspec

from fanfare.kernel import errors
from fanfare.kernel.data.delivery import JSON
from fanfare.kernel.data.paging import ArrayPage, Page
from fanfare.kernel.errors import Refusal
from fanfare.kernel.web.endpoint import Endpoint
from fanfare.kernel.web.openapi.examples import example

Json = dict[str, Any]

TEMPLATE = "#/components/schemas/{name}"
# The refusals that any call may return, and those that only a write may return.
ANY_CALL: tuple[type[Refusal], ...] = (
    errors.Unreadable,
    errors.NoKey,
    errors.Forbidden,
    errors.Unknown,
    errors.TooSlow,
    errors.TooLarge,
    errors.UnsupportedMediaType,
    errors.TargetTooLong,
    errors.BadParameters,
    errors.TooManyCalls,
    errors.HeadTooLarge,
    errors.Unavailable,
)
WRITES: tuple[type[Refusal], ...] = (errors.Conflict,)
LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


class WrongField(msgspec.Struct):
    """An invalid parameter."""

    field: str
    message: str


class Problem(msgspec.Struct):
    """An error, as defined by RFC 9457. Compare `code`; read `detail`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    error: str
    request_id: str
    errors: list[WrongField] | msgspec.UnsetType = msgspec.UNSET


class Answers:
    """The schemas of all answers, built together so that a name always means the same struct."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        types: list[Any] = [Problem]
        for endpoint in endpoints:
            parts = [] if endpoint.media_type != JSON else _parts(endpoint.answer)
            types += [each for each in parts if each not in types]
        components, self.schemas = msgspec.json.schema_components(types, ref_template=TEMPLATE)
        self._by_type: dict[str, Json] = dict(zip(map(repr, types), map(_corrected, components), strict=True))
        for name, schema in self.schemas.items():
            self.schemas[name] = _corrected(schema)
        for endpoint in endpoints:
            if get_origin(endpoint.answer) is Page:
                self._name_page(endpoint.answer)

    def _name_page(self, answer: Any) -> None:  # noqa: ANN401 - a Page of any two structs
        """Name the schema of a page after its rows, with `Page` appended: generators create a class for each name."""
        meta, row = get_args(answer)
        rows = {"type": "array", "items": self._by_type[repr(row)]}
        schema = {
            "type": "object",
            "description": f"A page of rows ({row.__name__}) with the paging information.",
            "required": ["meta", "data"],
            "properties": {"meta": self._by_type[repr(meta)], "data": rows},
        }
        name = f"{row.__name__}Page"
        if self.schemas.setdefault(name, schema) != schema:
            message = f"two pages would be named {name}"
            raise TypeError(message)
        self._by_type[repr(answer)] = {"$ref": TEMPLATE.format(name=name)}

    def schema(self, answer: Any) -> Json | None:  # noqa: ANN401 - any answer form
        """Return the schema of an answer; None for an empty body."""
        if answer in (None, NoneType):
            return None
        if get_origin(answer) is ArrayPage:
            return {"type": "array", "items": self._by_type[repr(get_args(answer)[0])]}
        return self._by_type[repr(answer)]

    def content(self, endpoint: Endpoint) -> Json | None:
        """Return the content of the 200 response with an example; None for an empty body."""
        if endpoint.media_type != JSON:
            return {endpoint.media_type: {"schema": {"type": "string", "format": "binary"}}}
        schema = self.schema(endpoint.answer)
        if schema is None:
            return None
        media: Json = {"schema": schema}
        sample = example("", schema, self.schemas)
        alternatives = {each: {"schema": {"type": "string"}} for each in endpoint.other_media_types}
        return {JSON: media if sample is None else {**media, "example": sample}, **alternatives}


def _parts(answer: Any) -> list[Any]:  # noqa: ANN401 - any answer form
    if answer in (None, NoneType):
        return []
    # Listed separately: msgspec cannot name two pages whose structs have the same name.
    return list(get_args(answer)) if get_origin(answer) in (Page, ArrayPage) else [answer]


def _corrected(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """Correct msgspec's schema to match its encoder: every field is present, and a Decimal is a number."""
    if isinstance(schema, list):
        return [_corrected(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "decimal":
        return {key: value for key, value in schema.items() if key != "format"} | {"type": "number"}
    if "properties" not in schema:
        return _merge({key: _corrected(value) for key, value in schema.items()})
    result = {key: _corrected(value) for key, value in schema.items() if key not in ("properties", "required")}
    fields = {name: _corrected(value) for name, value in schema["properties"].items()}
    required = set(schema.get("required", ()))
    result["properties"] = {name: _without_default(value) for name, value in fields.items()}
    result["required"] = [name for name, value in fields.items() if name in required or "default" in value]
    return result


def _merge(schema: Json) -> Json:
    """Write "T or null" as a list of two types if T is a plain type."""
    parts = schema.get("anyOf", ())
    if len(parts) == 2 and parts[1] == {"type": "null"} and isinstance(parts[0].get("type"), str):  # noqa: PLR2004
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**rest, **parts[0], "type": [parts[0]["type"], "null"]}
    return schema


def _without_default(schema: Json) -> Json:
    return {key: value for key, value in schema.items() if key != "default"}


def responses_of(endpoint: Endpoint, answers: Answers) -> Json:
    """Return the responses of a call by status code."""
    headers = {name: _ref("headers", name) for name in (*LIMIT_HEADERS, "X-Request-Id")}
    if endpoint.is_write:
        headers["Idempotent-Replayed"] = _ref("headers", "Idempotent-Replayed")
    if get_origin(endpoint.answer) is ArrayPage:
        headers |= {name: _ref("headers", name) for name in ("X-Next-Cursor", "Link")}
    if endpoint.has_etag:
        headers["ETag"] = _ref("headers", "ETag")
    content = answers.content(endpoint)
    result: Json = {"200": {"description": "Done" if content is None else "Success", "headers": headers}}
    if content:
        result["200"]["content"] = content
    if endpoint.has_etag:
        result["304"] = _ref("responses", "NotModified")
    has_conflict = endpoint.is_write or endpoint.has_conflict
    for refusal in sorted((*ANY_CALL, *(WRITES if has_conflict else ())), key=lambda each: each.status):
        result[str(refusal.status)] = _ref("responses", refusal.__name__)
    return result


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def shared_responses() -> Json:
    """Return the response components that calls refer to."""
    not_modified = {"description": "The response has not changed", "headers": {"ETag": _ref("headers", "ETag")}}
    return {"NotModified": not_modified, **{each.__name__: _refusal(each) for each in (*ANY_CALL, *WRITES)}}


def _refusal(refusal: type[Refusal]) -> Json:
    error = (
        errors.BadParameters([("limit", "must be a whole number")]) if refusal is errors.BadParameters else refusal()
    )
    names = ["X-Request-Id", *LIMIT_HEADERS]
    if error.retry_after is not None or refusal is errors.TooManyCalls:
        names.append("Retry-After")
    sample = {**error.problem(), "request_id": "5f0c6b1e8f5d4d6c9a7be1f0a2c3d4e5"}
    media = {"schema": _ref("schemas", "Problem"), "example": sample}
    headers = {name: _ref("headers", name) for name in names}
    return {"description": refusal.title(), "headers": headers, "content": {"application/problem+json": media}}


def headers() -> Json:
    """Return the header components of responses."""
    integer = {"type": "integer", "minimum": 0}
    text = {"type": "string"}
    result = {
        "X-RateLimit-Limit": ("Calls the key may make per minute.", integer),
        "X-RateLimit-Remaining": ("Calls left in this minute.", integer),
        "X-RateLimit-Reset": ("When the minute ends, in unix seconds.", integer),
        "X-Request-Id": ("The id of this request: the caller's own when it sent one, else a new one.", text),
        "Idempotent-Replayed": ("`true` when this is the stored answer to an earlier attempt.", text),
        "ETag": ("Send it back in If-None-Match to ask whether anything changed.", text),
        "X-Next-Cursor": ("Value of `cursor` for the next rows; absent at the end of a list.", text),
        "Link": ('The next page, as `rel="next"` and without the keys; absent when no more rows remain.', text),
        "Retry-After": ("Seconds to wait before the next attempt.", integer),
    }
    return {name: {"description": description, "schema": schema} for name, (description, schema) in result.items()}
