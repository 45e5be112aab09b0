"""What stored criteria name: whoever deletes or renames it asks first those who keep criteria.

A lower domain knows no criteria, so app.py hands over who is to be asked. The lock keeps both apart: criteria are
written, and what they may name is deleted or renamed, one after the other in an account.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.handover import Handover


class Thing(NamedTuple):
    """Something that criteria may name: its kind, such as `tag` or `tag_name`, and its id or name."""

    kind: str
    key: str


Check = Callable[[Db, int, Sequence[Thing]], Awaitable[None]]

CHECKS = Handover[Sequence[Check]]("the checks of what criteria name")


async def hold(db: Db, account_id: int) -> None:
    """Keep others from changing what names what until this transaction ends."""
    await db.value("select pg_advisory_xact_lock($1)", lock_key("references", account_id))


async def check_unused(db: Db, account_id: int, *items: Thing) -> None:
    """Refuse (409) when stored criteria name one of some things; nobody can name them until this transaction ends."""
    checks = CHECKS.get()
    await hold(db, account_id)
    for check in checks:
        await check(db, account_id, items)
