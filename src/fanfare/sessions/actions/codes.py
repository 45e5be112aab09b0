"""Codes by mail or SMS: sent to an address or number, and shown by whoever reads there.

A code has six digits, lasts ten minutes, works once, and can be tried five times; each try is counted before the code
is looked at. Anybody gets one, a fan or not, so asking tells nothing.
"""

import hashlib
import hmac
import secrets
import uuid
from datetime import datetime, timedelta

from fanfare.fans.actions.fans import MailTaken, PhoneTaken, prepare_change, write_change
from fanfare.fans.actions.nameless import create_nameless
from fanfare.fans.schemas.fans import FanChanges
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.errors import BadParameters, Unavailable
from fanfare.messages.actions.sending import send
from fanfare.messages.schemas.messages import Channel, NewMessage
from fanfare.sessions.actions.budgets import (
    ACCOUNT_MESSAGES,
    CALLER_MESSAGES,
    CODES,
    FAILURES,
    MESSAGE_PAUSE,
    MESSAGES,
    Attempt,
    count,
    give_back,
)
from fanfare.sessions.actions.opening import SOURCE, guest_of, open_session
from fanfare.sessions.actions.owners import admit, prover_of
from fanfare.sessions.actions.steps import OWNER, Step, finished, identity
from fanfare.sessions.actions.terms import accept, has_accepted, terms_required
from fanfare.sessions.schemas.connect import CODE, Connection

DIGITS = 6
TRIES = 5
MINUTES = 10
WRITE_ATTEMPTS = 3
CHANNELS: dict[str, Channel] = {"email": "email", "phone": "sms"}


class WrongCode(BadParameters):
    """The code is wrong, expired or used"""


def _request_hash(request_uid: uuid.UUID) -> bytes:
    return hashlib.sha256(request_uid.bytes).digest()


def _code_hash(request_uid: uuid.UUID, code: str) -> bytes:
    return hashlib.sha256(request_uid.bytes + code.encode()).digest()


def message_attempts(step: Step, key: tuple[str, str]) -> list[Attempt]:
    """Return what a message to an address or number counts as, whether a fan has it or not."""
    recipient = " ".join(key)
    return [
        Attempt(MESSAGE_PAUSE, recipient),
        Attempt(MESSAGES, recipient),
        *step.attempts(CALLER_MESSAGES),
        Attempt(ACCOUNT_MESSAGES, ""),
    ]


async def send_code(db: Db, step: Step) -> Connection:
    """Send a code and return the id of the request, which whoever has the code must show with it."""
    account_id, key = step.account.id, identity(step.account, step.request)
    receipts = await count(db, account_id, message_attempts(step, key), step.now)
    request_uid = uuid.uuid4()
    try:
        async with db.transaction() as tx:
            await _store_and_send(tx, step, key, request_uid)
    except BaseException:
        await give_back(db, account_id, receipts)
        raise
    return Connection(request_uid=request_uid)


STORE = """
    insert into verifications (account_id, network, identifier_value, recipient, request_hash, code_hash, created_at,
                               expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def _store_and_send(db: Db, step: Step, key: tuple[str, str], request_uid: uuid.UUID) -> None:
    account_id, (network, value) = step.account.id, key
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    expires_at = step.now + timedelta(minutes=MINUTES)
    # A mail goes to the address as it was written, its key is in small letters.
    recipient = step.request.email if network == "email" and step.request.email else value
    hashes = (_request_hash(request_uid), _code_hash(request_uid, code))
    await db.execute(STORE, account_id, network, value, recipient, *hashes, step.now, expires_at)
    owner = await db.row(OWNER, account_id, network, value)
    message = NewMessage(
        channel=CHANNELS[network],
        recipient=recipient,
        template="login_code",
        # Not the id itself: with it and this table a code could be found.
        request_key=f"login_code:{_request_hash(request_uid).hex()}",
        values={"minutes": MINUTES},
        secrets={"code": code},
        fan_id=owner["fan_id"] if owner else None,
        business_id=step.business.business_id if step.business else None,
        language=step.request.language or "",
        expires_at=expires_at,
    )
    await send(db, account_id, message, step.now)


TRY = """
    update verifications set tries = tries + 1
    where account_id = $1 and request_hash = $2 and used_at is null and expires_at > $3 and tries < $4
    returning network, identifier_value, recipient, code_hash
"""


async def submit_code(db: Db, step: Step) -> Connection:
    """Begin the session of whoever shows the code that was sent; an address or number of no fan makes one.

    Refuses (422) a code that is wrong, used or too old, and (429) what was tried too often.
    """
    account_id, request_uid = step.account.id, step.request.request_uid or uuid.UUID(int=0)
    request_hash = _request_hash(request_uid)
    row = await db.independent().row(TRY, account_id, request_hash, step.now, TRIES)
    if row is None:
        raise WrongCode([("request_uid", "is unknown, expired, used, or had five wrong codes; request a new code")])
    attempts = [Attempt(CODES, f"{row['network']} {row['identifier_value']}"), *step.attempts(FAILURES)]
    receipts = await count(db, account_id, attempts, step.now)
    code = "".join((step.request.verification_code or "").split())
    if not hmac.compare_digest(row["code_hash"], _code_hash(request_uid, code)):
        raise WrongCode([("verification_code", "is wrong")])
    await give_back(db, account_id, receipts)
    connection = await _enter(db, step, row)
    if connection.status == "terms_required":
        await db.independent().execute(
            "update verifications set tries = tries - 1 where account_id = $1 and request_hash = $2 and tries > 0",
            account_id,
            request_hash,
        )
    return connection


async def _enter(db: Db, step: Step, row: Record) -> Connection:
    async def write(outer: Db) -> Connection:
        async with outer.transaction() as tx:
            return await _use(tx, step, row)

    for _ in range(WRITE_ATTEMPTS):
        try:
            return await db.retry_conflicts(write)
        except (MailTaken, PhoneTaken):
            # Somebody became the fan of this address meanwhile; the next turn finds whom.
            continue
    raise Unavailable


async def _use(db: Db, step: Step, row: Record) -> Connection:
    """Use a right code up; part of the caller's transaction."""
    account_id, business = step.account.id, step.business
    identity = (row["network"], row["identifier_value"])
    prover = await prover_of(db, account_id, identity, step.request.session_uid, step.now)
    fan_id = prover.fan_id
    has_terms = business is not None and business.terms_hash is not None
    is_open = not has_terms or (fan_id is not None and await has_accepted(db, account_id, fan_id, business))
    if business is not None and not is_open and not step.request.is_accepted:
        return terms_required(business)
    used = await db.value(
        "update verifications set used_at = $3 where account_id = $1 and request_hash = $2 and used_at is null"
        " returning true",
        account_id,
        _request_hash(step.request.request_uid or uuid.UUID(int=0)),
        step.now,
    )
    if not used:
        raise WrongCode([("request_uid", "is used; request a new code")])
    fan_id = await admit(db, account_id, prover, step.now, lambda: _new_fan(db, step, row))
    if not is_open:
        await accept(db, account_id, fan_id, business, step.address, step.now)
    return finished(await open_session(db, account_id, fan_id, step.visit(), step.now, method=CODE))


async def _new_fan(db: Db, step: Step, row: Record) -> int:
    request, account_id = step.request, step.account.id
    names = {name: value for name in ("first_name", "last_name") if (value := getattr(request, name)) is not None}
    guest_id = await guest_of(db, account_id, request.session_uid, step.now)
    fan_id = guest_id or await create_nameless(db, account_id, step.now, source=SOURCE, address=step.address)
    changes = FanChanges(fan_id=fan_id, **{row["network"]: row["recipient"]}, **names)
    return await write_change(db, step.account, await prepare_change(db, step.account, changes, SOURCE), step.now)


async def forget_codes(db: Db, account_id: int, now: datetime) -> None:
    """Delete codes that have expired."""
    await db.execute("delete from verifications where account_id = $1 and expires_at <= $2", account_id, now)
