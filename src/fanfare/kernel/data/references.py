"""References from stored criteria: checked before an object that criteria may refer to is deleted or renamed.

A lower domain does not know criteria, so app.py hands over the checks. The lock serializes, per account, writing
criteria and deleting or renaming what they may refer to.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.handover import Handover


class Reference(NamedTuple):
    """An object that criteria may refer to: its kind, such as `tag` or `tag_name`, and its id or name."""

    kind: str
    key: str


Check = Callable[[Db, int, Sequence[Reference]], Awaitable[None]]

CHECKS = Handover[Sequence[Check]]("the checks of what criteria name")


async def hold(db: Db, account_id: int) -> None:
    """Lock the references of an account until the transaction ends."""
    await db.value("select pg_advisory_xact_lock($1)", lock_key("references", account_id))


async def check_unused(db: Db, account_id: int, *items: Reference) -> None:
    """Raise a 409 if stored criteria refer to one of the items; no criteria can start to until the transaction ends."""
    checks = CHECKS.get()
    await hold(db, account_id)
    for check in checks:
        await check(db, account_id, items)
