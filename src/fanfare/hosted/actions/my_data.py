"""What a fan does with the own data: the name, the password, sessions on other devices."""

from datetime import datetime
from typing import IO

from fanfare.accounts.queries import account_by_id
from fanfare.fans.actions.fans import change_fan, prepare_change, write_change
from fanfare.fans.queries.export import export_to_file
from fanfare.fans.schemas.fans import FanChanges
from fanfare.hosted.browser_sessions import BrowserSession
from fanfare.hosted.schemas.my_data import MyName
from fanfare.kernel.data.db import Db
from fanfare.sessions.actions.budgets import DOWNLOADS, Attempt, count
from fanfare.sessions.actions.opening import end_fan_sessions, end_session_by_id
from fanfare.sessions.queries.sessions import NoSession, fan_sessions, locked_session

SOURCE = "my data page"


async def change_name(db: Db, name: MyName, fan_id: int, now: datetime) -> None:
    """Save the fan's name; an empty part is cleared."""
    account = await account_by_id(db, name.account_id)
    changes = FanChanges(fan_id=fan_id, first_name=name.first_name, last_name=name.last_name)
    await change_fan(db, account, changes, now, source=SOURCE)


async def change_password(
    db: Db, account_id: int, browser_session: BrowserSession, password: str, now: datetime
) -> None:
    """Set a password; the fan's other sessions end. Refuses (404) a session that has ended meanwhile."""
    account = await account_by_id(db, account_id)
    changes = FanChanges(fan_id=browser_session.fan_id, password=password)
    change = await prepare_change(db, account, changes, SOURCE)

    async def write(outer: Db) -> None:
        async with outer.transaction() as tx:
            present = await locked_session(tx, account_id, browser_session.session_uid, now)
            change.request.fan_id = present.fan_id
            await write_change(tx, account, change, now, session_id=present.session_id)

    await db.retry_conflicts(write)


async def download(db: Db, account_id: int, fan_id: int, now: datetime) -> IO[bytes]:
    """Return a file with all data about the fan. Refuses (429) more than ten in an hour."""
    await count(db, account_id, [Attempt(DOWNLOADS, str(fan_id))], now)
    return await export_to_file(db, account_id, fan_id, now)


async def end(db: Db, account_id: int, fan_id: int, session_id: int | None, now: datetime) -> None:
    """End a session of the fan, or without one all of them. Refuses (404) one that is not the fan's, or has ended."""
    if session_id is None:
        await end_fan_sessions(db, account_id, fan_id, now)
    elif any(each.session_id == session_id for each in await fan_sessions(db, account_id, fan_id, now)):
        await end_session_by_id(db, account_id, session_id, now)
    else:
        raise NoSession
