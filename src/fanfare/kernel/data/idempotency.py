"""`Idempotency-Key`: a write takes effect once, however often it is retried.

The answer is stored in the transaction of the write itself, so that a crash leaves both or neither.
"""

import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.data.paging import NextPage
from fanfare.kernel.errors import BadParameters, Conflict, Unreadable

RETENTION = timedelta(hours=24)
MAX_KEY_LENGTH = 255
REDACTION_BATCH = 500
ENCODER = json.JSONEncoder(sort_keys=True)


class StillRunning(Conflict):
    """A request with this Idempotency-Key is still running"""


class AnswerNotStored(Conflict):
    """The request was carried out; its response held a secret, which is not stored: call again without this key"""


class StoredAnswer(msgspec.Struct, frozen=True):
    """An answer as it is stored and replayed."""

    status: int
    body: bytes
    is_replay: bool = False
    # for a bare array, which cannot contain it
    next_page: NextPage | None = None
    # it holds a session or another secret
    is_secret: bool = False


class Repeat(msgspec.Struct, frozen=True):
    """The identity of a request: its API key, the client's Idempotency-Key, and a hash of the request.

    Requests with the secret have separate keys, so a stranger with the public key cannot replay their answers.
    """

    account_id: int
    api_key: uuid.UUID
    has_secret: bool
    idempotency_key: str
    request_hash: bytes

    @property
    def lock(self) -> int:
        """The advisory lock that serializes requests with this key."""
        return lock_key("idempotency", self.account_id, str(self.api_key), self.has_secret, self.idempotency_key)


def check_key(key: str) -> None:
    """Raise a 422 for a malformed key."""
    if not 0 < len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise BadParameters([("Idempotency-Key", f"must be 1 to {MAX_KEY_LENGTH} printable characters")])


def request_hash(method: str, path: str, parameters: Mapping[str, object]) -> bytes:
    """Return a hash of the method, path and parameters, independent of their order and encoding."""
    digest = hashlib.sha256()
    try:
        # Part by part: other threads can run in between, but not while all is encoded at once.
        for part in ENCODER.iterencode([method, path, parameters]):
            digest.update(part.encode())
    except RecursionError:
        message = "the body is nested too deeply"
        raise Unreadable(message) from None
    return digest.digest()


async def run_once(db: Db, repeat: Repeat, now: datetime, act: Callable[[Db], Awaitable[StoredAnswer]]) -> StoredAnswer:
    """Run `act` for the first request with a key; for later ones return the stored answer.

    Raises a 422 if the key was used for another request, and a 409 while the first is still running. A refused request
    stores nothing, so it may be sent again with its key.
    """
    async with db.transaction() as tx:
        if not await tx.value("select pg_try_advisory_xact_lock($1)", repeat.lock):
            raise StillRunning
        if replay := await stored_answer(tx, repeat, now):
            return replay
        answer = await act(tx)
        await _store(tx, repeat, now, answer)
    return answer


async def stored_answer(db: Db, repeat: Repeat, now: datetime) -> StoredAnswer | None:
    """Return the answer of the first request with a key, None when there was none.

    Raises a 422 if the key was used for another request, and a 409 if its answer held a secret.
    """
    row = await db.row(
        "select request_hash, status, answer, is_secret from idempotency_keys"
        " where account_id = $1 and api_key = $2 and has_secret = $3 and idempotency_key = $4 and created_at > $5",
        repeat.account_id,
        repeat.api_key,
        repeat.has_secret,
        repeat.idempotency_key,
        now - RETENTION,
    )
    if row is None:
        return None
    if row["request_hash"] != repeat.request_hash:
        raise BadParameters([("Idempotency-Key", "was used for another request")])
    if row["is_secret"]:
        raise AnswerNotStored
    return StoredAnswer(row["status"], row["answer"], is_replay=True)


async def _store(db: Db, repeat: Repeat, now: datetime, answer: StoredAnswer) -> None:
    await db.execute(
        """
        insert into idempotency_keys (account_id, api_key, has_secret, idempotency_key, request_hash, status, answer,
                                      created_at, is_secret)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (account_id, api_key, has_secret, idempotency_key) do update
        set request_hash = excluded.request_hash, status = excluded.status,
            answer = excluded.answer, created_at = excluded.created_at, is_secret = excluded.is_secret
        """,
        repeat.account_id,
        repeat.api_key,
        repeat.has_secret,
        repeat.idempotency_key,
        repeat.request_hash,
        answer.status,
        b"" if answer.is_secret else answer.body,
        now,
        answer.is_secret,
    )


async def redact_answers(db: Db, account_id: int, marks: list[str], redact: Callable[[Any], Any]) -> None:
    """Apply `redact` to the stored answers of an account, or empty them if it returns None; the keys stay used.

    It is called for answers that contain any of the marks; these must be folded and escaped as in JSON.
    """
    position: tuple[uuid.UUID, bool, str] = (uuid.UUID(int=0), False, "")
    while True:
        rows = await db.rows(
            """
            select api_key, has_secret, idempotency_key, answer from idempotency_keys
            where account_id = $1 and (api_key, has_secret, idempotency_key) > ($4, $5, $6)
              and answer <> '' and exists (
                select from unnest($2::text[]) as mark
                where position(mark in fold_text(convert_from(answer, 'UTF8'))) > 0)
            order by api_key, has_secret, idempotency_key limit $3
            """,
            account_id,
            marks,
            REDACTION_BATCH,
            *position,
        )
        values = ((_key_of(row), msgspec.json.decode(row["answer"])) for row in rows)
        redacted = [(key, value, redact(value)) for key, value in values]
        await db.executemany(
            "update idempotency_keys set answer = $5"
            " where account_id = $1 and api_key = $2 and has_secret = $3 and idempotency_key = $4",
            [
                (account_id, *key, b"" if redacted_value is None else msgspec.json.encode(redacted_value))
                for key, value, redacted_value in redacted
                if redacted_value != value
            ],
        )
        if len(rows) < REDACTION_BATCH:
            return
        position = _key_of(rows[-1])


def _key_of(row: Record) -> tuple[uuid.UUID, bool, str]:
    return row["api_key"], row["has_secret"], row["idempotency_key"]


async def forget_keys(db: Db, account_id: int, now: datetime) -> None:
    """Delete the expired answers of an account."""
    await db.execute(
        "delete from idempotency_keys where account_id = $1 and created_at <= $2", account_id, now - RETENTION
    )
