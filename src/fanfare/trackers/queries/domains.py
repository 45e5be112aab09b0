"""Reads virtual domains."""

from fanfare.kernel.data.db import Db


async def is_confirmed(db: Db, account_id: int, host: str) -> bool:
    """Return whether links of the account redirect on a host."""
    answer: bool = await db.value(
        """
        select exists (
            select from tracker_domains where account_id = $1 and host = $2 and confirmed_at is not null)
        """,
        account_id,
        host,
    )
    return answer
