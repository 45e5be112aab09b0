"""Takes records that sites and apps submit."""

import hmac
import uuid
from datetime import datetime

from fanfare.fans.contact import normalized_mail_key
from fanfare.kernel.addresses import subscriber
from fanfare.kernel.callers import Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import TooManyCalls
from fanfare.kernel.folding import fold
from fanfare.kernel.running.secret_keys import secret_keys
from fanfare.streams.actions.storing import store
from fanfare.streams.gateways.texts import shown_name
from fanfare.streams.queries.streams import stream_by_key
from fanfare.streams.schemas.entries import Author, Entry, Origin, mail_author_key
from fanfare.streams.schemas.records import DIRECT, NewRecord

HOUR_SECONDS = 3600
PURPOSE = "senders of stream records"
KEY_LENGTH = 32
FAN = """
    select fan_id from fan_identifiers where account_id = $1 and network = 'email' and identifier_value = $2
"""


class TooManyRecords(TooManyCalls):
    """As many records of this author were submitted from here as an author may in an hour"""


async def submit(db: Db, account_id: int, new: NewRecord, caller: Caller, now: datetime) -> int:
    """Store a submitted record and return its id; Unknown (404) stream, TooManyRecords (429).

    With the secret it is published at once and not limited.
    """
    stream = await stream_by_key(db, account_id, new.stream_key)
    entry = Entry(
        record_key=str(uuid.uuid4()),
        author=await _author(db, account_id, new),
        created_at=now,
        caption=new.caption,
        image_url=new.image_url,
        latitude=new.latitude,
        longitude=new.longitude,
        sku=new.sku,
        labels=list(dict.fromkeys(new.labels or [])),
        props=new.props or {},
    )
    origin = Origin(
        DIRECT,
        is_trusted=caller.has_secret,
        limits_authors=not caller.has_secret,
        sender_key=None if caller.has_secret else _sender_key(caller),
    )
    result = await store(db, stream, [entry], origin, now)
    if result.limited_keys:
        raise TooManyRecords(retry_after=HOUR_SECONDS)
    return result.record_ids[entry.record_key]


def _sender_key(caller: Caller) -> str:
    """Return what tells one address from another for an hour, and cannot be turned back into it."""
    [secret_key, *_] = secret_keys.derived(PURPOSE)
    address = subscriber(caller.address or "")
    return hmac.digest(secret_key, address.encode(), "sha256").hex()[:KEY_LENGTH]


async def _author(db: Db, account_id: int, new: NewRecord) -> Author:
    name = shown_name(new.name)
    if not new.email:
        return Author(f"name:{fold(new.name or '')}", name)
    key = normalized_mail_key(new.email)
    return Author(mail_author_key(key), name, fan_id=await db.value(FAN, account_id, key))
