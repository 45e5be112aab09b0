"""The API document has the body of each topic, and every body that is sent fits it."""

from datetime import UTC, datetime, timedelta

import jsonschema_rs

from fanfare import app
from fanfare.kernel.data.db import Db
from fanfare.kernel.web import openapi
from fanfare.webhooks.schemas.operations import operations
from tests import answers, calls
from tests.api import new_api
from tests.webhooks.receivers import deliver, receiver, register

NOW = datetime.now(UTC) + timedelta(hours=2)


def test_each_topic_is_documented_and_nothing_else() -> None:
    document = openapi.document(app.endpoints(), "0", webhooks=operations(app.topics()))
    assert document["webhooks"].keys() == {topic.name for topic in app.topics()}


async def test_every_body_that_is_sent_fits_its_schema(base_url: str, db: Db) -> None:
    async with new_api(base_url, db) as api, receiver() as got:
        document = (await api.client.get("/openapi.json")).json()
        await register(api, got.url, "*")
        await calls.made_values(api)
        await deliver(db, api, NOW)
        topics = {call.event["type"] for call in got.calls}
        assert len(topics) > 40
        for name in topics:
            content = document["webhooks"][name]["post"]["requestBody"]["content"]["application/json"]
            schema = jsonschema_rs.validator_for(answers.with_components(content["schema"], document))
            for call in got.calls:
                if call.event["type"] == name:
                    assert [error.message for error in schema.iter_errors(call.event)] == []
