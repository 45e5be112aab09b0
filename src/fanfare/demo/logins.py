"""Sessions of fans who were active in the last weeks, as a site leaves them; nobody knows their uids.

They begin as the account is made, since the change log runs with the time.
"""

from datetime import datetime

from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.sessions.actions.lifetimes import lifetimes
from fanfare.sessions.topics import SESSION_CREATED

OPEN = f"""
    with {HOLD},
    created as (
        insert into sessions (account_id, session_id, session_hash, fan_id, login_method, ip_address, device_network,
                              created_at, used_at, expires_at)
        select a.account_id, nextval('positions'), sha256(gen_random_uuid()::text::bytea), a.fan_id,
               (array['password', 'password', 'code', 'register'])[1 + a.fan_id % 4], f.ip_address,
               (array[null, 'ios', 'android'])[1 + a.fan_id % 3], $2, $2, $2 + $3::interval
        from hold
        cross join (
            select account_id, fan_id from fan_activity
            where account_id = $1 and last_active_at > $2::timestamptz - $3::interval
            order by last_active_at, fan_id) as a
        join fans f on f.account_id = $1 and f.fan_id = a.fan_id
        returning session_id, fan_id, login_method
    )
    {announce(SESSION_CREATED, "created", position="session_id", at="$2", network="login_method")}
"""  # noqa: S608 - fixed parts


async def open_sessions(db: Db, account_id: int, now: datetime) -> None:
    """Give each fan who was active lately a session that begins now."""
    await db.execute(OPEN, account_id, now, lifetimes.idle)
