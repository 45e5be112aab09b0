"""The steps of `connect`: a guest, a new fan, whether somebody is a fan, the login by password."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from fanfare.campaigns.queries.checks import check_campaign_field
from fanfare.fans.actions.fans import MailTaken, PhoneTaken, prepare_change, write_change
from fanfare.fans.actions.nameless import create_nameless
from fanfare.fans.schemas.fans import FanChanges
from fanfare.identities.schemas.identities import Identity
from fanfare.kernel.addresses import subscriber
from fanfare.kernel.callers import Account, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, faults_of
from fanfare.sessions.actions.budgets import (
    CHECKS,
    FAILURES,
    GUESTS,
    PASSWORDS,
    REGISTRATIONS,
    RESERVED_SECONDS,
    Attempt,
    count,
    give_back,
)
from fanfare.sessions.actions.codes import send_code, submit_code
from fanfare.sessions.actions.identities import log_in_by_identity, verify_identity
from fanfare.sessions.actions.opening import SOURCE, guest_of, open_session
from fanfare.sessions.actions.passkeys import begin_login, log_in
from fanfare.sessions.actions.password_checks import check_password
from fanfare.sessions.actions.steps import OWNER, Step, fan_address, finished, identity
from fanfare.sessions.actions.terms import accept, has_accepted, terms_required
from fanfare.sessions.queries.businesses import SiteBusiness, business_of
from fanfare.sessions.schemas.connect import (
    EMAIL,
    GUEST,
    IDENTITY_NETWORKS,
    PASSKEY,
    PASSKEY_OPTIONS,
    PASSWORD,
    PHONE,
    REGISTER,
    SUBMIT,
    VERIFY_EMAIL,
    VERIFY_SMS,
    Connect,
    Connection,
    Session,
)


class WrongLogin(BadParameters):
    """The email address, phone number or password is wrong"""


WRONG_PASSWORD = [("password", "is wrong, or no fan has this email address or phone number")]
# Locked, so that whoever sets another password waits, and then ends the session opened here.
LOCKED_HASH = "select password_hash from fans where account_id = $1 and fan_id = $2 for no key update"


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong with a step that only the account's own rows can tell."""
    return await faults_of(
        business_of(db, account.id, values.get("business_id")),
        check_campaign_field(db, account.id, values.get("page_tab_id")),
    )


async def connect(
    db: Db, account: Account, caller: Caller, request: Connect, now: datetime, identity: Identity | None = None
) -> Connection:
    """Take a step of logging in.

    Refuses (422) a wrong login, an unknown business or campaign, and (429) what was tried too often.
    """
    step = await new_step(db, account, caller, request, now)
    return await take(db, msgspec.structs.replace(step, identity=identity))


async def take(db: Db, step: Step) -> Connection:
    """Take a step; refuses as `connect` does."""
    return await STEPS[step.request.network or GUEST](db, step)


async def identify(db: Db, account: Account, caller: Caller, request: Connect, now: datetime) -> Identity | None:
    """Ask an identity provider, for the steps that need it, before any transaction: it can take seconds.

    Refuses (422) a wrong token or provider, (429) what was tried too often, and (503) a provider that is down.
    """
    if request.network not in IDENTITY_NETWORKS:
        return None
    return await verify_identity(db, await new_step(db, account, caller, request, now))


async def new_step(db: Db, account: Account, caller: Caller, request: Connect, now: datetime) -> Step:
    """Return a step with its circumstances; refuses (422) an unknown business or campaign."""
    business = await business_of(db, account.id, request.business_id)
    return await business_step(db, account, business, caller, request, now)


async def business_step(
    db: Db, account: Account, business: SiteBusiness | None, caller: Caller, request: Connect, now: datetime
) -> Step:
    """Return a step for a business, or for the account; refuses (422) an unknown campaign."""
    await check_campaign_field(db, account.id, request.page_tab_id)
    address = fan_address(caller, request.ip_address)
    counted = None if address is None and caller.is_server else subscriber(address)
    return Step(account, request, business, address, counted, now)


async def _guest(db: Db, step: Step) -> Connection:
    await count(db, step.account.id, step.attempts(GUESTS), step.now)
    async with db.transaction() as tx:
        fan_id = await create_nameless(tx, step.account.id, step.now, source=GUEST, address=step.address)
        # A guest who comes again is another: nothing says that it is the same person.
        visit = msgspec.structs.replace(step.visit(), session_uid=None)
        return finished(await open_session(tx, step.account.id, fan_id, visit, step.now, method=GUEST))


async def _register(db: Db, step: Step) -> Connection:
    """Make a fan, who is logged in. Whoever has the address or number already has to log in."""
    account_id = step.account.id
    if step.business and step.business.terms_hash and not step.request.is_accepted:
        return terms_required(step.business)
    receipts = await count(db, account_id, step.attempts(CHECKS), step.now, max_wait=RESERVED_SECONDS)
    try:
        await count(db, account_id, step.attempts(REGISTRATIONS), step.now)
        return finished(await _make_fan(db, step))
    except (MailTaken, PhoneTaken) as taken:
        receipts = []
        if step.request.email and isinstance(taken, PhoneTaken):
            raise
        return Connection(status="login")
    finally:
        await give_back(db, account_id, receipts)


async def _make_fan(db: Db, step: Step) -> Session:
    request, account_id = step.request, step.account.id
    names = ("first_name", "last_name", "email", "phone", "password")
    fields = {name: value for name in names if (value := getattr(request, name)) is not None}
    changes = FanChanges(fan_id=0, **fields, **step.consents, ip_address=step.address or msgspec.UNSET)
    change = await prepare_change(db, step.account, changes, SOURCE)

    async def write(outer: Db) -> Session:
        async with outer.transaction() as tx:
            guest_id = await guest_of(tx, account_id, request.session_uid, step.now)
            change.request.fan_id = guest_id or await create_nameless(
                tx, account_id, step.now, source=SOURCE, address=step.address
            )
            fan_id = await write_change(tx, step.account, change, step.now)
            await accept(tx, account_id, fan_id, step.business, step.address, step.now)
            return await open_session(tx, account_id, fan_id, step.visit(), step.now, method=REGISTER)

    return await db.retry_conflicts(write)


async def _by_contact(db: Db, step: Step) -> Connection:
    """Log in by a password, or without one tell whether somebody is a fan."""
    if step.request.password:
        return await _log_in(db, step)
    await count(db, step.account.id, step.attempts(CHECKS), step.now)
    owner = await db.row(OWNER, step.account.id, *identity(step.account, step.request))
    return Connection(status="register" if owner is None else "login")


async def _log_in(db: Db, step: Step) -> Connection:
    account_id, key = step.account.id, identity(step.account, step.request)
    owner = await db.row(OWNER, account_id, *key)
    subject = f"fan {owner['fan_id']}" if owner else " ".join(key)
    attempts = [Attempt(PASSWORDS, subject), *step.attempts(FAILURES)]
    password_hash = owner["password_hash"] if owner else None
    is_right = await check_password(db, account_id, attempts, password_hash, step.request.password or "", step.now)
    if owner is None or password_hash is None or not is_right:
        raise WrongLogin(WRONG_PASSWORD)
    return await enter(db, step, owner["fan_id"], password_hash)


async def enter(db: Db, step: Step, fan_id: int, password_hash: str) -> Connection:
    """Begin the session of a fan whose password was right, once the terms are accepted.

    Refuses (422) a password that was replaced or cleared while it was verified: the sessions it opened were ended then.
    """
    account_id, business = step.account.id, step.business

    async def write(outer: Db) -> Connection:
        async with outer.transaction() as tx:
            if await tx.value(LOCKED_HASH, account_id, fan_id) != password_hash:
                raise WrongLogin(WRONG_PASSWORD)
            if not await has_accepted(tx, account_id, fan_id, business):
                if not step.request.is_accepted and business:
                    return terms_required(business)
                await accept(tx, account_id, fan_id, business, step.address, step.now)
            return finished(await open_session(tx, account_id, fan_id, step.visit(), step.now, method=PASSWORD))

    return await db.retry_conflicts(write)


STEPS: dict[str, Callable[[Db, Step], Awaitable[Connection]]] = {
    GUEST: _guest,
    REGISTER: _register,
    EMAIL: _by_contact,
    PHONE: _by_contact,
    PASSWORD: _log_in,
    VERIFY_SMS: send_code,
    VERIFY_EMAIL: send_code,
    SUBMIT: submit_code,
    **dict.fromkeys(IDENTITY_NETWORKS, log_in_by_identity),
    PASSKEY_OPTIONS: begin_login,
    PASSKEY: log_in,
}
