"""Logs in who shows a token of an identity provider.

The fan is who has the identity; else who has the email address that the provider verified, if the account trusts it;
else a new one. The provider is asked before any transaction.
"""

from fanfare.fans.actions.fans import MailTaken, PhoneTaken, prepare_change, write_change
from fanfare.fans.actions.nameless import create_nameless
from fanfare.fans.contact import normalized_mail_key, read_contact
from fanfare.fans.schemas.fans import FanChanges
from fanfare.identities.actions.links import link, note_use, use_token
from fanfare.identities.gateways.tokens import WrongToken, verified_identity
from fanfare.identities.gateways.userinfo import identity_of_access_token
from fanfare.identities.queries.links import linked_fan, locked_linked_fan
from fanfare.identities.queries.providers import Provider, find_provider
from fanfare.identities.schemas.identities import Identity
from fanfare.identities.schemas.presets import OIDC
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Unavailable
from fanfare.sessions.actions.budgets import FAILURES, REGISTRATIONS, count, give_back
from fanfare.sessions.actions.codes import WRITE_ATTEMPTS
from fanfare.sessions.actions.opening import SOURCE, guest_of, open_session
from fanfare.sessions.actions.owners import admit, prover_of
from fanfare.sessions.actions.steps import Step, finished
from fanfare.sessions.actions.terms import accept, has_accepted, terms_required
from fanfare.sessions.schemas.connect import Connection


async def verify_identity(db: Db, step: Step, *, is_own_token: bool = False) -> Identity:
    """Return who the token of a step is of. `is_own_token`: the provider issued it to us, for a code.

    Refuses (422) a wrong token and an unknown provider, and (503) when the provider does not respond.
    """
    provider = await _provider(db, step)
    receipts = await count(db, step.account.id, step.attempts(FAILURES), step.now)
    try:
        return await _identity(provider, step, is_own_token=is_own_token)
    except WrongToken:
        receipts = []
        raise
    finally:
        await give_back(db, step.account.id, receipts)


async def _identity(provider: Provider, step: Step, *, is_own_token: bool) -> Identity:
    request = step.request
    if provider.preset.has_id_token:
        return await verified_identity(provider, request.id_token or "", request.nonce, step.now)
    if not (is_own_token or provider.is_access_token_accepted):
        raise WrongToken([("access_token", "is not accepted: this provider's is_access_token_accepted is not set")])
    return await identity_of_access_token(provider, request.access_token or "", step.now)


async def _provider(db: Db, step: Step) -> Provider:
    """Return the provider that a step names; refuses (422) one that is unknown, disabled or of another business."""
    request, network = step.request, step.request.network
    preset = None if network == OIDC else network
    business_id = step.business.business_id if step.business else None
    provider = await find_provider(db, step.account.id, business_id, preset=preset, name=request.provider)
    if provider is None:
        field = "provider" if request.provider else "network"
        raise BadParameters([(field, "names no identity provider that is enabled for this business")])
    if network == OIDC and not provider.preset.has_id_token:
        raise BadParameters([("provider", f"issues no id_token; use network={provider.preset_name}")])
    return provider


async def log_in_by_identity(db: Db, step: Step) -> Connection:
    """Begin the session of who was verified before.

    Refuses (422) a token that was used, and (429) what was tried too often.
    """
    if step.identity is None:
        raise Unavailable
    return await enter_by_identity(db, step, step.identity, step.request.network or OIDC)


async def enter_by_identity(db: Db, step: Step, identity: Identity, method: str) -> Connection:
    """Begin the session of the fan with an identity, who is made if there is none."""
    is_known = await linked_fan(db, step.account.id, identity) is not None
    attempts = [] if is_known else step.attempts(REGISTRATIONS)
    receipts = await count(db, step.account.id, attempts, step.now)

    async def write(outer: Db) -> Connection:
        async with outer.transaction() as tx:
            return await _enter(tx, step, identity, method)

    for _ in range(WRITE_ATTEMPTS):
        try:
            connection = await db.retry_conflicts(write)
        except (MailTaken, PhoneTaken):
            # Somebody became the fan of this address meanwhile; the next turn finds whom.
            continue
        if connection.status == "terms_required":
            await give_back(db, step.account.id, receipts)
        return connection
    raise Unavailable


async def _enter(db: Db, step: Step, identity: Identity, method: str) -> Connection:
    """Use a token up; part of the caller's transaction."""
    account_id, business = step.account.id, step.business
    linked_id = await locked_linked_fan(db, account_id, identity)
    key = None if linked_id else _mail_key(step, identity)
    prover = await prover_of(db, account_id, key, step.request.session_uid, step.now) if key else None
    fan_id = prover.fan_id if prover else linked_id
    has_terms = business is not None and business.terms_hash is not None
    is_open = not has_terms or (fan_id is not None and await has_accepted(db, account_id, fan_id, business))
    if business is not None and not is_open and not step.request.is_accepted:
        return terms_required(business)
    if not await use_token(db, account_id, identity):
        field = "access_token" if step.request.access_token else "id_token"
        raise WrongToken([(field, "was used; request a new one from the provider")])
    if prover:
        fan_id = await admit(db, account_id, prover, step.now, lambda: _new_fan(db, step, identity, has_mail=True))
    elif fan_id is None:
        fan_id = await _new_fan(db, step, identity, has_mail=False)
    # After that, for the first proof of an address takes the identities that were linked before.
    if linked_id is None:
        await link(db, account_id, identity, fan_id, step.now)
    else:
        await note_use(db, account_id, identity, step.now)
    if not is_open:
        await accept(db, account_id, fan_id, business, step.address, step.now)
    return finished(await open_session(db, account_id, fan_id, step.visit(), step.now, method=method))


def _mail_key(step: Step, identity: Identity) -> tuple[str, str] | None:
    """Return what the trusted email address identifies; None without one that is an address."""
    mail, _, _, faults = read_contact({"email": identity.email}, step.account.country_code)
    return ("email", normalized_mail_key(mail)) if mail and not faults else None


async def _new_fan(db: Db, step: Step, identity: Identity, *, has_mail: bool) -> int:
    """Make a fan with what the provider says, and the request says better; a guest becomes that fan."""
    request, account_id = step.request, step.account.id
    names = {name: getattr(request, name) or getattr(identity, name) for name in ("first_name", "last_name")}
    values = {name: value for name, value in {**names, "email": identity.email if has_mail else None}.items() if value}
    guest_id = await guest_of(db, account_id, request.session_uid, step.now)
    fan_id = guest_id or await create_nameless(db, account_id, step.now, source=SOURCE, address=step.address)
    if not values:
        return fan_id
    change = await prepare_change(db, step.account, FanChanges(fan_id=fan_id, **values), SOURCE)
    return await write_change(db, step.account, change, step.now)
