"""Who shows for the first time that an address or number is theirs: whoever registered it before is out."""

from datetime import datetime

from fanfare.fans import followers
from fanfare.fans.actions.confirming import confirm
from fanfare.fans.actions.password_resets import end_resets
from fanfare.identities.actions.links import unlink_all
from fanfare.kernel.data.db import Db
from fanfare.passkeys.actions.keeping import remove_all
from fanfare.sessions.actions.steps import Step
from fanfare.sessions.queries.sessions import find_session


async def confirm_contact(db: Db, step: Step, fan_id: int, key: tuple[str, str]) -> None:
    """Mark the address of a step as confirmed; part of the caller's transaction."""
    request_uid, account_id = step.request.session_uid, step.account.id
    present = await find_session(db, account_id, request_uid, step.now) if request_uid else None
    is_in = present is not None and present.fan_id == fan_id
    if await confirm(db, account_id, fan_id, key, step.now, keeps_password=is_in) and not is_in:
        await end_access(db, account_id, fan_id, step.now)


async def end_access(db: Db, account_id: int, fan_id: int, now: datetime) -> None:
    """End what lets anybody in as a fan but the password: sessions, grants to programs, links, passkeys, identities.

    For the first proof that an address is somebody's, unless this device is in already: else somebody could register
    another's address, and stay in when its owner comes. Part of the caller's transaction.
    """
    await followers.end_logins(db, account_id, fan_id, now, None)
    await end_resets(db, account_id, fan_id)
    await remove_all(db, account_id, fan_id, now)
    await unlink_all(db, account_id, fan_id, now)
