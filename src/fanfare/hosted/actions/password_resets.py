"""Sends links to set a new password, and sets it."""

import uuid
from datetime import datetime
from urllib.parse import urlencode

from fanfare.accounts.queries import account_by_id
from fanfare.fans.actions.claims import Identity
from fanfare.fans.actions.fans import prepare_change, write_change
from fanfare.fans.actions.identifiers import refuse_blocked
from fanfare.fans.actions.nameless import create_nameless
from fanfare.fans.actions.password_resets import LIFETIME, PasswordReset, find_reset, new_reset, use_reset
from fanfare.fans.schemas.fans import FanChanges
from fanfare.hosted import browser_sessions
from fanfare.hosted.actions.logging_in import contact_fields
from fanfare.hosted.schemas.login import Destination, step_request
from fanfare.hosted.schemas.password_resets import ResetRequest
from fanfare.kernel.callers import Account, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import enqueue
from fanfare.kernel.errors import Unknown
from fanfare.kernel.pages.languages import PARAMETER
from fanfare.kernel.pages.page import Visit
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.messages.actions.sending import send
from fanfare.messages.schemas.messages import NewMessage
from fanfare.sessions.actions.budgets import count, give_back
from fanfare.sessions.actions.codes import CHANNELS, message_attempts
from fanfare.sessions.actions.connecting import business_step
from fanfare.sessions.actions.owners import admit, prover_of
from fanfare.sessions.actions.steps import OWNER, identity
from fanfare.sessions.schemas.connect import VERIFY_EMAIL, VERIFY_SMS

RESET = "/crm/reset"
PURPOSE = "request for a new password"
ANSWER = "hosted.answer_reset_request"
SOURCE = "login page"


class ResetUnknown(Unknown):
    """The link is no longer valid"""

    def __init__(self) -> None:
        super().__init__(detail="A link to set a new password works once, within an hour. Request a new one.")


async def send_link(db: Db, visit: Visit, destination: Destination, contact: str, path: str, now: datetime) -> None:
    """Send a link to an address or number, if a fan has it; nothing that can be seen depends on that.

    `path` is the page that follows. Refuses (422) what is no address or number, and (429) too many messages.
    """
    account = destination.account
    caller = Caller(visit.address, has_secret=False)
    await refuse_blocked(db, account.id, None, caller)
    fields = contact_fields(contact)
    network = VERIFY_EMAIL if "email" in fields else VERIFY_SMS
    request = step_request({**fields, "network": network})
    step = await business_step(db, account, destination.business, caller, request, now)
    key = identity(account, request)
    reset_request = ResetRequest(key, request.email or key[1], destination.business_id, visit.language.code, path)
    receipts = await count(db, account.id, message_attempts(step, key), now)
    try:
        async with db.transaction() as tx:
            await _ask(tx, account.id, reset_request, now)
    except BaseException:
        await give_back(db, account.id, receipts)
        raise


async def _ask(db: Db, account_id: int, reset_request: ResetRequest, now: datetime) -> None:
    """Let a worker look for the fan: what happens here, and how long it takes, is the same for every address."""
    request_uid = uuid.uuid4()
    await db.execute(
        "insert into reset_requests (account_id, reset_request_uid, sealed_request, created_at)"
        " values ($1, $2, $3, $4)",
        account_id,
        request_uid,
        secret_keys.seal(PURPOSE, reset_request.encoded()),
        now,
    )
    await enqueue(db.for_account(account_id), ANSWER, str(request_uid))


async def answer_request(db: Db, account_id: int, request_uid: uuid.UUID, now: datetime) -> None:
    """Send the link that was asked for, once, if a fan has the address or number by now."""
    async with db.transaction() as tx:
        sealed = await tx.value(
            "delete from reset_requests where account_id = $1 and reset_request_uid = $2 and created_at > $3"
            " returning sealed_request",
            account_id,
            request_uid,
            now - LIFETIME,
        )
        reset_request = _unsealed(sealed)
        owner = await tx.row(OWNER, account_id, *reset_request.identity) if reset_request else None
        if reset_request and owner:
            await _send(
                tx,
                account_id,
                reset_request,
                PasswordReset(owner["fan_id"], reset_request.identity, reset_request.path),
                now,
            )


def _unsealed(text: str | None) -> ResetRequest | None:
    try:
        return ResetRequest.decoded(secret_keys.unseal(PURPOSE, text)) if text else None
    except NotSealed:
        # Its secret key has ended; the fan asks once more.
        return None


async def _send(db: Db, account_id: int, reset_request: ResetRequest, reset: PasswordReset, now: datetime) -> None:
    reset_uid = await new_reset(db, account_id, reset, now)
    query = {"account_id": account_id, "reset_uid": reset_uid}
    query |= {} if reset_request.business_id is None else {"business_id": reset_request.business_id}
    query[PARAMETER] = reset_request.language
    message = NewMessage(
        channel=CHANNELS[reset_request.identity[0]],
        recipient=reset_request.recipient,
        template="password_reset",
        request_key=f"password_reset:{uuid.uuid4()}",
        values={"minutes": int(LIFETIME.total_seconds() // 60)},
        secrets={"link": f"{public_address.base}{RESET}?{urlencode(query)}"},
        fan_id=reset.fan_id,
        business_id=reset_request.business_id,
        language=reset_request.language,
        expires_at=now + LIFETIME,
    )
    await send(db, account_id, message, now)


async def forget_requests(db: Db, account_id: int, now: datetime) -> None:
    """Delete requests that no worker has answered in time."""
    await db.execute(
        "delete from reset_requests where account_id = $1 and created_at <= $2", account_id, now - LIFETIME
    )


async def check_reset(db: Db, account_id: int, reset_uid: uuid.UUID, now: datetime) -> PasswordReset:
    """Return what a link is for; refuses (404) one that is unknown, expired or used."""
    reset = await find_reset(db, account_id, reset_uid, now)
    if reset is None:
        raise ResetUnknown
    return reset


async def set_password(
    db: Db, visit: Visit, account_id: int, reset_uid: uuid.UUID, password: str, now: datetime
) -> PasswordReset:
    """Set the new password of the fan of a link, which ends all sessions; refuses (404) a link that is not valid."""
    await refuse_blocked(db, account_id, None, Caller(visit.address, has_secret=False))
    # Checked before the password is hashed, which costs much.
    reset = await check_reset(db, account_id, reset_uid, now)
    account = await account_by_id(db, account_id)
    change = await prepare_change(db, account, FanChanges(fan_id=reset.fan_id, password=password), SOURCE)
    present = await browser_sessions.current(db, visit, account_id, now)
    session_uid = present.session_uid if present else None

    async def write(outer: Db) -> None:
        async with outer.transaction() as tx:
            if not await use_reset(tx, account_id, reset_uid, now):
                raise ResetUnknown
            change.request.fan_id = reset.fan_id
            if reset.identity is not None:
                prover = await prover_of(tx, account_id, reset.identity, session_uid, now)
                change.request.fan_id = await admit(
                    tx, account_id, prover, now, lambda: _new_fan(tx, account, prover.identity, visit, now)
                )
            await write_change(tx, account, change, now)

    await db.retry_conflicts(write)
    return reset


async def _new_fan(db: Db, account: Account, identity: Identity, visit: Visit, now: datetime) -> int:
    """Make the fan of whoever read a link that was sent to an address or number which another fan names."""
    network, value = identity
    fan_id = await create_nameless(db, account.id, now, source=SOURCE, address=visit.address)
    changes = FanChanges(fan_id=fan_id, email=value) if network == "email" else FanChanges(fan_id=fan_id, phone=value)
    return await write_change(db, account, await prepare_change(db, account, changes, SOURCE), now)
