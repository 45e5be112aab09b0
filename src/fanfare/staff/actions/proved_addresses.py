"""Notes who has shown that they read the mail of their address."""

from datetime import datetime

from fanfare.kernel.data.db import Db

FIRST = """
    update staff set email_proved_at = $2, password_hash = null, sealed_totp = null
    where staff_id = $1 and email_proved_at is null returning staff_id
"""
END_ALL = """
    with passkeys as (delete from staff_passkeys where staff_id = $1),
         codes as (delete from staff_recovery_codes where staff_id = $1),
         links as (delete from staff_links where staff_id = $1)
    delete from staff_sessions where staff_id = $1
"""


async def prove_address(db: Db, staff_id: int, now: datetime) -> bool:
    """Note the proof of an address and return whether it is the first; part of the caller's transaction.

    Before it, somebody else may have set up password, app and passkeys: with the first proof all of them end.
    """
    is_first = await db.value(FIRST, staff_id, now) is not None
    if is_first:
        await db.execute(END_ALL, staff_id)
    return is_first
