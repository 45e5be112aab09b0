"""What endpoints receive, for the API document: an operation for each topic, with the schema of its body."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from fanfare.kernel.data.announcements import Topic
from fanfare.webhooks.schemas.changes import LoggedChange

Json = dict[str, Any]
SIGNED = (
    "The headers `webhook-id`, `webhook-timestamp` and `webhook-signature` are those of Standard Webhooks. Any 2xx"
    " accepts it."
)


def operations(topics: Iterable[Topic]) -> Mapping[str, Json]:
    """Return the `webhooks` of the API document by topic."""
    return {topic.name: {"post": _operation(topic)} for topic in topics}


def _operation(topic: Topic) -> Json:
    return {
        "operationId": f"webhook_{topic.name.replace('.', '_')}",
        "summary": topic.meaning.removesuffix("."),
        "description": SIGNED,
        "security": [],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _body(topic)}}},
        "responses": {"2XX": {"description": "Accepted"}},
    }


def _body(topic: Topic) -> Json:
    row = {"properties": {"topic": {"const": topic.name}, "data": _data(topic)}}
    return {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": topic.name},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": {"allOf": [{"$ref": f"#/components/schemas/{LoggedChange.__name__}"}, row]},
        },
    }


def _data(topic: Topic) -> Json:
    """Return the schema of a topic's data, all of which is missing once its fan is erased."""
    (schema,), components = msgspec.json.schema_components([topic.data])
    fields: Json = components[schema["$ref"].rpartition("/")[2]]
    is_erasable = topic.fan != "never"
    return {
        "type": "object",
        "properties": {
            name: {key: value for key, value in field.items() if key != "default"}
            for name, field in fields.get("properties", {}).items()
        },
        **({} if is_erasable or not fields.get("required") else {"required": fields["required"]}),
    }
