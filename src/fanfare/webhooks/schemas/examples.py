"""An example of a change for each topic, from the shape of its data."""

import uuid
from datetime import datetime
from typing import Any

from msgspec import inspect

from fanfare.kernel.data.announcements import Topic
from fanfare.kernel.wire import unix
from fanfare.webhooks.schemas.changes import LoggedChange

POSITION = 1
FAN_ID = 1
VALUES: dict[type[inspect.Type], Any] = {inspect.BoolType: True, inspect.IntType: 1}


def example(topic: Topic, now: datetime) -> LoggedChange:
    """Return a change of a topic as the change feed would have it, with ids of no record."""
    data = _value(inspect.type_info(topic.data), topic.name)
    fan_id = FAN_ID if topic.fan == "always" else None
    return LoggedChange(
        position=POSITION,
        topic=topic.name,
        subject_id=_subject(topic.subject),
        fan_id=fan_id,
        merged_into=data.get("into_fan_id"),
        timestamp=unix(now),
        timestamp_iso=now,
        data=data,
    )


def _subject(subject: str) -> str:
    """Return an id for the first way in which a topic names its subject."""
    return ":".join(_id(name) for name in subject.partition(" or ")[0].split(":")) if subject else ""


def _id(name: str) -> str:
    kind = name.rpartition("_")[2]
    return {"id": "1", "uid": str(uuid.UUID(int=1))}.get(kind, name)


def _value(kind: inspect.Type, name: str) -> Any:  # noqa: ANN401 - depends on the type
    match kind:
        case inspect.StructType(fields=fields):
            value: Any = {field.encode_name: _value(field.type, field.encode_name) for field in fields}
        case inspect.ListType(item_type=item):
            value = [_value(item, name.removesuffix("s"))]
        case inspect.UnionType(types=types):
            value = _value(next(each for each in types if not isinstance(each, inspect.NoneType)), name)
        case inspect.LiteralType(values=values):
            value = values[0]
        case _:
            value = VALUES.get(type(kind)) or _id(name)
    return value
