"""What is sent to endpoints: the row of the change feed, in the form of Standard Webhooks or of CloudEvents."""

import msgspec

from fanfare.kernel.data.changes import Change
from fanfare.kernel.wire import iso
from fanfare.webhooks.schemas.changes import LoggedChange, logged
from fanfare.webhooks.schemas.webhooks import CLOUDEVENTS

CONTENT_TYPES = {"standard": "application/json", CLOUDEVENTS: "application/cloudevents+json"}
# Of what an endpoint answers, so much is stored.
MAX_ANSWER_BYTES = 1024


def message_id(position: int) -> str:
    """Return the id of a change, the same in each try and replay."""
    return f"change_{position}"


def standard_body(row: LoggedChange) -> bytes:
    """Return the body of a row of the change feed in the form of Standard Webhooks."""
    return msgspec.json.encode({"type": row.topic, "timestamp": iso(row.timestamp_iso), "data": row})


def body_of(change: Change, account_id: int, payload_format: str) -> bytes:
    """Return the body that says that a change happened."""
    if payload_format != CLOUDEVENTS:
        return standard_body(logged(change))
    event = {
        "specversion": "1.0",
        "id": message_id(change.position),
        "source": f"/accounts/{account_id}",
        "type": change.topic,
        "time": iso(change.occurred_at),
        "datacontenttype": "application/json",
        # An empty subject is none.
        **({"subject": change.subject_id} if change.subject_id else {}),
        "data": logged(change),
    }
    return msgspec.json.encode(event)
