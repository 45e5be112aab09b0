"""`fanfare listen` and `fanfare trigger` send to a program what an endpoint would receive."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from fanfare import app
from fanfare.kernel.web import openapi
from fanfare.webhooks.schemas.bodies import standard_body
from fanfare.webhooks.schemas.examples import example
from fanfare.webhooks.schemas.operations import operations
from tests import answers
from tests.api import Api
from tests.running import Program
from tests.waits import until
from tests.webhooks.receivers import Receiver, receiver, response, tag

FANFARE = [sys.executable, "-P", "-m", "fanfare.cli"]
NOW = datetime(2026, 10, 26, 17, 30, tzinfo=UTC)


async def comes(is_so: Callable[[], bool]) -> None:
    async def ask() -> bool:
        return is_so()

    await until(ask)


def listening(base_url: str, got: Receiver, api_secret: str, *options: str) -> Program:
    words = ["listen", "--url", base_url, "--forward-to", got.url, *options]
    return Program([*FANFARE, *words], API_SECRET=api_secret)


async def newest(api: Api) -> str:
    answer = await api.get("/api/v1/manage/changes", after="latest")
    return str(answer.headers["X-Next-Cursor"])


async def test_changes_come_as_they_would_to_an_endpoint(api: Api, base_url: str) -> None:
    async with receiver() as got:
        after = await newest(api)
        await tag(api, "first")
        with listening(base_url, got, api.keys["Api-Secret"], "--after", after, "--topics", "tag.*") as program:
            line = await asyncio.to_thread(program.line)
            await comes(lambda: len(got.calls) == 1)
            await tag(api, "second")
            await comes(lambda: len(got.calls) == 2)
            await comes(lambda: program.output.count("tag.created") == 2)
    secret = line.split()[-1]
    rows = (await api.get("/api/v1/manage/changes", after=after)).json()
    assert [call.event["data"] for call in got.calls] == rows
    assert all(call.is_signed(secret) for call in got.calls)
    assert [call.message_id for call in got.calls] == [f"change_{row['position']}" for row in rows]
    printed = [each.split() for each in program.output.splitlines()[1:]]
    assert [each[1:] for each in printed] == [[str(r["position"]), "tag.created", r["subject_id"], "200"] for r in rows]
    assert api.keys["Api-Secret"] not in program.output + program.errors


async def test_what_a_program_refuses_is_printed_and_the_next_one_is_sent(api: Api, base_url: str) -> None:
    async with receiver() as got:

        async def refuse(_: Any) -> bytes:
            return response(500)

        got.answer = refuse
        after = await newest(api)
        with listening(base_url, got, api.keys["Api-Secret"], "--after", after) as program:
            await tag(api, "third")
            await comes(lambda: "  500\n" in program.output)
            got.answer = got.accept
            await tag(api, "fourth")
            await comes(lambda: "  200\n" in program.output)
    assert len(got.calls) == 2


@pytest.mark.parametrize(
    ("options", "api_secret", "message"),
    [
        ((), "ffs_wrong", "401: "),
        (("--topics", "nothing.*"), None, "422: "),
        (("--after", "tomorrow"), None, "422: "),
        (("--forward-to", "localhost:3000"), None, "--forward-to must be a URL"),
        (("--url", "fans.example.com"), None, "--url must be a URL"),
        (("--url", "http://fans.example.com"), None, "--url must begin with https://"),
        ((), "ffs_\u00e9", "API_SECRET is not a secret"),
    ],
)
async def test_a_wrong_use_is_one_line(
    api: Api, base_url: str, options: tuple[str, ...], api_secret: str | None, message: str
) -> None:
    async with receiver() as got:
        with listening(base_url, got, api_secret or api.keys["Api-Secret"], *options) as program:
            assert await asyncio.to_thread(program.wait) == 1
    assert program.errors.startswith(f"fanfare: {message}")
    assert program.errors.count("\n") == 1
    assert got.calls == []


async def test_an_example_is_sent_signed() -> None:
    async with receiver() as got:
        secret = "whsec_" + "Zm9v" * 8
        words = ["trigger", "fan.merged", "--forward-to", got.url]
        with Program([*FANFARE, *words], WEBHOOK_SECRET=secret) as program:
            assert await asyncio.to_thread(program.wait) == 0, program.errors
        (call,) = got.calls
        assert call.is_signed(secret)
        assert (call.event["type"], call.event["data"]["merged_into"]) == ("fan.merged", 1)
        with Program([*FANFARE, "trigger", "fan.eaten", "--forward-to", got.url]) as program:
            assert await asyncio.to_thread(program.wait) == 1
        assert "'fan.eaten' is not a topic; there are fan.created, fan.updated" in program.errors


def test_each_example_fits_the_schema_of_its_topic() -> None:
    document = openapi.document(app.endpoints(), "0", webhooks=operations(app.topics()))
    for topic in app.topics():
        body = document["webhooks"][topic.name]["post"]["requestBody"]["content"]["application/json"]
        schema = answers.with_components(body["schema"], document)
        event = msgspec.json.decode(standard_body(example(topic, NOW)))
        assert [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(event)] == []
        msgspec.convert(event["data"]["data"], topic.data)
        assert event["data"]["subject_id"] or not topic.subject
