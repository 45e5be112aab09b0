"""How tests queue messages and let them leave."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from fanfare.kernel.data.db import Db, Record
from fanfare.messages.actions.delivery import deliver
from fanfare.messages.actions.sending import send
from fanfare.messages.schemas.messages import NewMessage
from tests.api import Api

CODE = "728194"
FROM = "Northside FC <news@northside.example.com>"


def login_code(**values: Any) -> NewMessage:
    """Return a message with a code."""
    fields: dict[str, Any] = {
        "channel": "email",
        "recipient": "ada@example.com",
        "template": "login_code",
        "request_key": uuid.uuid4().hex,
        "values": {"minutes": 10},
        "secrets": {"code": CODE},
        "language": "en",
        "expires_at": datetime.now(UTC) + timedelta(minutes=10),
    }
    return NewMessage(**{**fields, **values})


NewsMaker = Callable[..., NewMessage]


def news_message(fan_id: int | None, **values: Any) -> NewMessage:
    """Return a marketing message; the fixture `news` declares its kind."""
    fields = {"template": "news", "values": {"title": "New dates"}, "secrets": {}, "expires_at": None}
    return login_code(**{**fields, "fan_id": fan_id, **values})


async def new_fan(api: Api, email: str, **fields: Any) -> int:
    """Create a fan with an address and return its id."""
    fan_id: int = (await api.ok(await api.post("/api/v1/crm/fans", email=email, **fields)))["fan_id"]
    return fan_id


async def queue(db: Db, account_id: int, new: NewMessage) -> int:
    """Queue a message in a transaction of its own."""
    async with db.transaction() as tx:
        return await send(tx, account_id, new, datetime.now(UTC))


async def send_now(db: Db, account_id: int, new: NewMessage, *, now: datetime | None = None) -> Record:
    """Queue a message, let it leave, and return its row."""
    message_id = await queue(db, account_id, new)
    await deliver(db.for_account(account_id), account_id, message_id, now or datetime.now(UTC))
    return await message_row(db, account_id, message_id)


async def message_row(db: Db, account_id: int, message_id: int) -> Record:
    """Return the row of a message."""
    row = await db.row("select * from messages where account_id = $1 and message_id = $2", account_id, message_id)
    assert row is not None
    return row


async def jobs_of(db: Db, account_id: int) -> int:
    """Return how many jobs of messages wait for an account."""
    count: int = await db.value(
        "select count(*) from jobs.pgqueuer where entrypoint = 'messages.deliver_message'"
        " and (headers ->> 'account_id')::bigint = $1",
        account_id,
    )
    return count
