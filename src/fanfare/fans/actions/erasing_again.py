"""Erases again whom a restored backup has brought back, by the certificates that were kept elsewhere."""

from collections.abc import Iterable
from datetime import datetime

from fanfare.fans.actions.erasure import erase_fan
from fanfare.fans.schemas.erasures import Certificate
from fanfare.kernel.db import Db
from fanfare.kernel.errors import Unknown

SOURCE = "restore"


async def erase_again(db: Db, certificates: Iterable[Certificate], now: datetime) -> int:
    """Erase every fan of the certificates who is there, and return how many were.

    Who had become an erased fan may be a fan of its own in an older backup. No id is ever given twice, also after a
    restore, so that nobody else is meant. Repeating it does no harm.
    """
    erased = 0
    for each in certificates:
        for fan_id in (each.fan_id, *each.former_fan_ids):
            try:
                await erase_fan(db, each.account_id, fan_id, now, source=SOURCE)
            except Unknown:
                continue
            erased += 1
    return erased
