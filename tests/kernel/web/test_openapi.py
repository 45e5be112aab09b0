"""The API document: what it says of made-up calls, that it is served, and that what it allows is accepted."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from fanfare.kernel import errors
from fanfare.kernel.clock import system_clock
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Refusal
from fanfare.kernel.parameters import Raw, from_query, read
from fanfare.kernel.web import answers
from fanfare.kernel.web.body import parse_body
from fanfare.kernel.web.http import Service, application
from fanfare.kernel.web.openapi import OpenApi, document
from fanfare.kernel.web.openapi.examples import example
from fanfare.kernel.web.openapi.resource import MAX_URLS
from fanfare.kernel.wire import EARLIEST, LATEST
from tests.kernel.counted import Counted
from tests.kernel.things import CALLS, Thing, ThingChanges

Json = dict[str, Any]


@pytest.fixture(scope="module")
def answer_of() -> Json:
    created: Json = json.loads(answers.encode(document(CALLS, "1.2.3", {"apps": "What sites show."})))
    return created


def parameter(operation: Json, name: str) -> Json:
    return next(each for each in operation["parameters"] if each.get("name") == name)


def test_it_is_valid(answer_of: Json) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(answer_of).iter_errors()] == []
    assert answer_of["info"]["version"] == "1.2.3"


def test_an_operation_is_told_by_its_docstring(answer_of: Json) -> None:
    listed = answer_of["paths"]["/api/v1/things"]["get"]
    assert listed["operationId"] == "things_list"
    assert listed["summary"] == "List things"
    assert listed["description"] == (
        "Newest first.\n\nPaged by search_uid.\n\nNeeds the api_secret of a key with the scope `crm`."
    )
    assert listed["tags"] == ["crm"]
    deleted = answer_of["paths"]["/api/v1/things/{thing_id}"]["delete"]
    assert deleted["summary"] == "Delete a thing"
    assert deleted["description"].startswith("409 while it is used.\n\nNeeds the api_secret")
    assert answer_of["tags"] == [{"name": "apps", "description": "What sites show."}, {"name": "crm"}]


def test_public_calls_need_the_key_and_secret_calls_the_secret_never_in_the_url(answer_of: Json) -> None:
    path = answer_of["paths"]["/api/v1/things/{thing_id}"]
    assert path["get"]["security"] == [{"ApiKey": []}]
    assert path["delete"]["security"] == [{"ApiSecret": []}, {"ApiKey": [], "ApiSecret": []}]
    assert {scheme["in"] for scheme in answer_of["components"]["securitySchemes"].values()} == {"header"}


def test_parameters_have_place_bounds_default_and_every_spelling(answer_of: Json) -> None:
    listed = answer_of["paths"]["/api/v1/things"]["get"]
    assert parameter(listed, "limit")["schema"] == {"type": "integer", "minimum": 0, "maximum": 1000, "default": 100}
    assert parameter(listed, "group name")["description"] == "Alias of `group_name`."
    assert parameter(listed, "tag_name")["explode"] is True
    assert list(parameter(listed, "field_*")["schema"]["patternProperties"]) == ["^field_.+$"]
    assert list(parameter(listed, "tag_*")["schema"]["patternProperties"]) == [r"^tag_(?!(?:name|name\[\])$).+$"]
    assert "application/json" in parameter(listed, "props")["content"]
    got = answer_of["paths"]["/api/v1/things/{thing_id}"]["get"]
    assert parameter(got, "thing_id")["in"] == "path"
    assert parameter(got, "thing_id")["required"] is True
    assert {"$ref": "#/components/parameters/IfNoneMatch"} in got["parameters"]


def test_a_body_has_one_content_type(answer_of: Json) -> None:
    updated = answer_of["paths"]["/api/v1/things/{thing_id}"]["post"]
    content = updated["requestBody"]["content"]
    assert list(content) == ["application/json"]
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/ThingChanges"}
    assert {"$ref": "#/components/parameters/IdempotencyKey"} in updated["parameters"]
    schema = answer_of["components"]["schemas"]["ThingChanges"]
    assert "thing_id" not in schema["properties"]
    assert schema["properties"]["phone"]["type"] == ["string", "null"]
    assert schema["properties"]["price"]["type"] == "number"
    assert schema["required"] == ["title"]
    assert schema["allOf"] == [{"anyOf": [{"required": ["email"]}, {"required": ["mail"]}]}]


def test_a_bare_array_is_told_as_a_body(answer_of: Json) -> None:
    schema = answer_of["paths"]["/api/v1/things"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert [each.get("$ref", each.get("type")) for each in schema["anyOf"]] == ["#/components/schemas/Batch", "array"]


def test_answers_have_their_form(answer_of: Json) -> None:
    def schema(path: str, method: str) -> Json:
        result: Json = answer_of["paths"][path][method]["responses"]["200"]
        return result.get("content", {}).get("application/json", {}).get("schema")  # type: ignore[no-any-return]

    thing = {"$ref": "#/components/schemas/Thing"}
    assert schema("/api/v1/things", "get") == {"$ref": "#/components/schemas/ThingPage"}
    page = answer_of["components"]["schemas"]["ThingPage"]
    assert page["properties"]["data"] == {"type": "array", "items": thing}
    assert schema("/api/v1/things", "post") == {"type": "array", "items": thing}
    assert schema("/api/v1/things/{thing_id}", "get") == thing
    assert schema("/api/v1/things/{thing_id}", "delete") == {"type": "boolean"}
    assert schema("/api/v1/things/{thing_id}", "post") is None


def test_an_answer_as_it_is_encoded_fits_its_schema(answer_of: Json) -> None:
    schema = {**answer_of["components"]["schemas"]["Thing"], "additionalProperties": False}
    assert schema["required"] == ["thing_id", "title", "price", "kind", "names"]
    assert schema["properties"]["title"]["description"] == "What it is called."
    for thing in (Thing(1), Thing(1, "t", None, "large", ["n"], "u")):
        Draft202012Validator(schema).validate(json.loads(answers.encode(thing)))


@pytest.mark.parametrize("kind", Refusal.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_refusal_fits_the_problem(answer_of: Json, kind: type[Refusal]) -> None:
    created = errors.BadParameters([("a", "b")]) if issubclass(kind, errors.BadParameters) else kind()
    full = json.loads(answers.encode({**created.problem(), "request_id": "0" * 32}))
    schema = {**answer_of["components"]["schemas"]["Problem"], "additionalProperties": False}
    Draft202012Validator({**schema, "components": answer_of["components"]}).validate({**full, "errors": []})
    assert set(full) - {"errors"} == set(schema["required"])


def test_every_status_is_declared(answer_of: Json) -> None:
    for item in answer_of["paths"].values():
        for method, operation in item.items():
            expected = {"200", "400", "401", "403", "404", "408", "413", "414", "415", "422", "429", "431", "503"}
            assert set(operation["responses"]) - {"304"} == expected | ({"409"} if method != "get" else set())
    refused = answer_of["components"]["responses"]["TooManyCalls"]
    assert {"Retry-After", "X-RateLimit-Reset"} <= set(refused["headers"])
    assert refused["content"]["application/problem+json"]["example"]["code"] == "too_many_calls"


def test_two_structs_of_one_name_are_told_apart() -> None:
    second = type("ThingChanges", (ThingChanges,), {"__annotations__": {}, "__doc__": "Another."})
    update = next(call for call in CALLS if call.call_id == "things_update")
    again = type(update)(**{name: getattr(update, name) for name in update.__struct_fields__} | {
        "call_id": "things_again", "path": "/api/v1/again/{thing_id}", "params": second,
    })  # fmt: skip
    created = document([update, again], "1")
    assert {"ThingChanges", "ThingChanges_things_again"} <= set(created["components"]["schemas"])


def test_an_example_never_breaks_its_schema(answer_of: Json) -> None:
    for name, schema in answer_of["components"]["schemas"].items():
        created = example(name, schema, answer_of["components"]["schemas"])
        Draft202012Validator({**schema, "components": answer_of["components"]}).validate(created)


EXAMPLED = [call for call in CALLS if call.method == "POST"]


@pytest.mark.parametrize("call", EXAMPLED, ids=lambda call: call.call_id)
def test_the_example_body_is_accepted(answer_of: Json, call: Any) -> None:
    media = answer_of["paths"][call.path]["post"]["requestBody"]["content"]["application/json"]
    raw = parse_body(json.dumps(media["example"]).encode(), "application/json")
    assert read(call.params, {**raw, "thing_id": ["1"]})


FORMATS = {
    "date": st.dates(date(EARLIEST, 1, 1), date(LATEST, 12, 31)).map(str),
    "date-time": st.datetimes(datetime(EARLIEST, 1, 2), datetime(LATEST, 12, 30), timezones=st.just(UTC)).map(  # noqa: DTZ001
        datetime.isoformat
    ),
}
# What a schema cannot say: the names of the time zones, and that a text has no NUL.
UNSAID = ("must be a time zone", "must not contain NUL")


def received(case: Any) -> Raw:
    """Return the parameters of a request as the server gathers them."""
    payload = requests.Request(**case.as_transport_kwargs(base_url="http://localhost")).prepare()
    raw = from_query(urlsplit(payload.url or "").query.encode())
    content: Any = payload.body or b""
    kind: Any = payload.headers.get("Content-Type")
    raw.update(parse_body(content.encode() if isinstance(content, str) else content, kind))
    raw.update({name: [str(value)] for name, value in case.path_parameters.items()})
    return raw


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.call_id)
def test_what_the_document_allows_is_accepted(answer_of: Json, call: Any) -> None:
    for name, strategy in FORMATS.items():
        schemathesis.openapi.format(name, strategy)
    operation = schemathesis.openapi.from_dict(answer_of)[call.path][call.method]

    @given(case=operation.as_strategy())
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def accepts(case: Any) -> None:
        # The generator sends no list of objects in a form.
        assume(call.array_field is None or case.media_type == "application/json")
        raw = received(case)
        if call.array_field and "" in raw:
            raw[call.array_field] = raw.pop("")
        try:
            read(call.params, raw)
        except BadParameters as refusal:
            wrong = [each for each in refusal.errors if not each[1].startswith(UNSAID)]
            assert wrong == []

    accepts()


class TestServed:
    """The resource over HTTP."""

    @pytest.fixture
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        app = application(Service(Db(), system_clock), ())
        app.add_route("/openapi.json", OpenApi(CALLS))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(cast("Any", app)), base_url="http://localhost"
        ) as client:
            yield client

    async def test_it_is_served_with_an_etag(self, client: httpx.AsyncClient) -> None:
        first = await client.get("/openapi.json")
        assert first.status_code == 200
        assert first.headers["content-encoding"] == "gzip"
        assert first.headers["access-control-allow-origin"] == "*"
        assert first.json()["openapi"] == "3.1.0"
        again = await client.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")

    async def test_head_is_get_without_the_body(self, client: httpx.AsyncClient) -> None:
        head, got = await client.head("/openapi.json"), await client.get("/openapi.json")
        assert head.status_code == 200
        assert head.headers["etag"] == got.headers["etag"]
        assert head.content == b""

    async def test_the_server_has_an_absolute_address(self, client: httpx.AsyncClient) -> None:
        for host, url in (
            ("fans.example.com:8443", "http://fans.example.com:8443"),
            ("[::1]:80", "http://[::1]:80"),
            ("evil.example/x", "http://127.0.0.1:8080"),
            ('a"b', "http://127.0.0.1:8080"),
        ):
            answer_of = (await client.get("/openapi.json", headers={"Host": host})).json()
            assert [server["url"] for server in answer_of["servers"]] == [url]
            assert answer_of["info"]["contact"]["url"] == url

    async def test_the_address_may_be_set(self) -> None:
        app = application(Service(Db(), system_clock), ())
        app.add_route("/openapi.json", OpenApi(CALLS, public_url="https://fans.example.com"))
        transport = httpx.ASGITransport(cast("Any", app))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer_of = (await client.get("/openapi.json")).json()
        assert answer_of["servers"][0]["url"] == "https://fans.example.com"

    async def test_it_is_made_and_compressed_once(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        created, compressed = Counted(document), Counted(gzip.compress)
        monkeypatch.setattr("fanfare.kernel.web.openapi.resource.document", created)
        monkeypatch.setattr(gzip, "compress", compressed)
        hosts = [f"h{number}.example.com" for number in range(MAX_URLS)] * 4
        requests = [client.get("/openapi.json", headers={"Host": host}) for host in hosts]
        first, *_ = result = await asyncio.gather(*requests)
        assert {each.status_code for each in result} == {200}
        assert first.json()["servers"][0]["url"] == f"http://{hosts[0]}"
        assert (created.count, compressed.count) == (1, MAX_URLS)

    async def test_few_addresses_are_kept(self) -> None:
        served = OpenApi(CALLS)
        app = application(Service(Db(), system_clock), ())
        app.add_route("/openapi.json", served)
        transport = httpx.ASGITransport(cast("Any", app))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for number in range(40):
                answer_of = (await client.get("/openapi.json", headers={"Host": f"h{number}.example.com"})).json()
                assert answer_of["servers"][0]["url"] == f"http://h{number}.example.com"
        assert 0 < len(served._bodies) <= MAX_URLS  # noqa: SLF001 - what is kept shows nowhere else
