"""Passkeys on our own pages: the host that they are for there, and the options for the browser."""

from datetime import datetime

import msgspec

from fanfare.hosted.browser_sessions import BrowserSession
from fanfare.hosted.schemas.passkeys import AddedPasskey
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.passkeys.actions import challenges
from fanfare.passkeys.actions.challenges import LIFETIME, LOGIN, Challenge
from fanfare.passkeys.actions.keeping import TooManyPasskeys
from fanfare.passkeys.queries import pages_rp_ids
from fanfare.sessions.actions import passkeys
from fanfare.sessions.schemas.passkeys import NewPasskey, PasskeyOptionsRequest


async def login_options(db: Db, account_id: int, now: datetime) -> list[str]:
    """Return what the browser needs to log in with a passkey, as JSON for each host that the pages have or had."""
    return [
        _json(challenges.login_options(Challenge(account_id, LOGIN, rp_id, now + LIFETIME)))
        for rp_id in await pages_rp_ids(db, account_id)
    ]


async def creation_options(db: Db, account: Account, session: BrowserSession, now: datetime) -> str:
    """Return what the browser needs to make a passkey, as JSON; empty where it cannot, and for who has enough."""
    rp_ids = await pages_rp_ids(db, account.id)
    if not rp_ids:
        return ""
    request = PasskeyOptionsRequest(session_uid=session.session_uid, rp_id=rp_ids[0])
    try:
        return _json((await passkeys.registration(db, account, request, now)).passkey_options)
    except TooManyPasskeys:
        return ""


def _json(options: object) -> str:
    return msgspec.json.encode(options).decode()


async def add(db: Db, account: Account, session: BrowserSession, form: AddedPasskey, now: datetime) -> None:
    """Add the passkey that the browser made. Refuses as `add_passkey`."""
    new = NewPasskey(session_uid=session.session_uid, credential=form.credential)
    await passkeys.add_passkey(db, account, new, now)
