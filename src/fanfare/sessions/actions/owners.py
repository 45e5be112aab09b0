"""Who shows that an address or number is theirs: the fan who has it, or somebody else; and who is out then."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

from fanfare.accounts.queries import account_by_id
from fanfare.fans import followers
from fanfare.fans.actions.claims import Identity
from fanfare.fans.actions.confirming import confirm, is_provers, take
from fanfare.fans.actions.consents import ConsentEntry, consent_state
from fanfare.fans.actions.fans import prepare_change, write_change
from fanfare.fans.actions.password_resets import end_resets
from fanfare.fans.schemas.fans import FanChanges
from fanfare.identities.actions.links import unlink_all
from fanfare.kernel.data.db import Db
from fanfare.passkeys.actions.keeping import remove_all
from fanfare.sessions.actions.steps import OWNER
from fanfare.sessions.queries.sessions import find_session

CONSENT_SOURCE = "proof of a contact"


class Prover(NamedTuple):
    """Who has proved an address or number: `fan_id`, or nobody that is known; and another fan who names it so far.

    `session_uid` is the session that the device has so far.
    """

    identity: Identity
    fan_id: int | None
    other_fan_id: int | None
    session_uid: uuid.UUID | None


async def prover_of(
    db: Db, account_id: int, identity: Identity, session_uid: uuid.UUID | None, now: datetime
) -> Prover:
    """Return who has proved an address or number; part of the caller's transaction."""
    owner = await db.row(OWNER, account_id, *identity)
    if owner is None:
        return Prover(identity, None, None, session_uid)
    fan_id: int = owner["fan_id"]
    is_fan = await is_provers(db, account_id, fan_id, identity)
    if is_fan or await _is_in(db, account_id, fan_id, session_uid, now):
        return Prover(identity, fan_id, None, session_uid)
    return Prover(identity, None, fan_id, session_uid)


async def admit(db: Db, account_id: int, prover: Prover, now: datetime, new_fan: Callable[[], Awaitable[int]]) -> int:
    """Return the fan of a prover, whose address or number is confirmed; part of the caller's transaction.

    Another fan who names it loses it to the fan that `new_fan` makes with it, and consents follow it. The first proof
    ends what lets anybody in as the fan, unless this device is in already.
    """
    column = await take(db, account_id, prover.other_fan_id, prover.identity, now) if prover.other_fan_id else None
    fan_id = await new_fan() if prover.fan_id is None else prover.fan_id
    if prover.other_fan_id is not None:
        await _move_consents(db, account_id, prover, (fan_id, column), now)
    is_in = await _is_in(db, account_id, fan_id, prover.session_uid, now)
    if await confirm(db, account_id, fan_id, prover.identity, now, keeps_password=is_in) and not is_in:
        await _end_access(db, account_id, fan_id, now)
    return fan_id


async def _move_consents(db: Db, account_id: int, prover: Prover, new: tuple[int, str | None], now: datetime) -> None:
    """Copy what was refused under a contact to its prover, and end the consent of the other fan to that channel.

    Whoever receives at a contact refuses by the links in messages. `new` is the prover's fan, and the column of the
    other fan that is empty now: the next contact there belongs to somebody who has not been asked.
    """
    other_fan_id, channel = prover.other_fan_id or 0, prover.identity[0]
    fan_id, column = new
    account = await account_by_id(db, account_id)
    state = await consent_state(db, account_id, other_fan_id)
    changes = [_refusal(fan_id, entry, moment) for entry, moment in state.refusals(channel)]
    if column == channel and state.is_granted(channel):
        changes.append(_refusal(other_fan_id, ConsentEntry(channel, is_granted=False), now))
    for change in changes:
        await write_change(db, account, await prepare_change(db, account, change, CONSENT_SOURCE), now)


def _refusal(fan_id: int, entry: ConsentEntry, moment: datetime) -> FanChanges:
    return FanChanges(
        fan_id=fan_id,
        consent_timestamp=moment,
        is_subscribed=False if entry.channel == "email" else None,
        is_phone_subscribed=False if entry.channel == "phone" else None,
        is_optout=True if entry.channel == "everything" else None,
        businesses={str(entry.business_id): False} if entry.business_id is not None else None,
    )


async def _is_in(db: Db, account_id: int, fan_id: int, session_uid: uuid.UUID | None, now: datetime) -> bool:
    present = await find_session(db, account_id, session_uid, now) if session_uid else None
    return present is not None and present.fan_id == fan_id


async def _end_access(db: Db, account_id: int, fan_id: int, now: datetime) -> None:
    """End what lets anybody in as a fan but the password: sessions, grants to programs, links, passkeys, identities.

    Else somebody could register another's address, and stay in when its owner comes.
    """
    await followers.end_logins(db, account_id, fan_id, now, None)
    await end_resets(db, account_id, fan_id)
    await remove_all(db, account_id, fan_id, now)
    await unlink_all(db, account_id, fan_id, now)
