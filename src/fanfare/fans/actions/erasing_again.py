"""Erases again whom a restored backup has brought back, by the certificates that were kept elsewhere."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
import structlog

from fanfare.fans.actions.erasure import erase_fan
from fanfare.fans.schemas.erasures import Certificate
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.faults import will_pass
from fanfare.kernel.errors import Unknown

log = structlog.get_logger()

SOURCE = "restore"


class ErasedAgain(msgspec.Struct):
    """How many fans were erased, and those who could not be, each as account and fan."""

    count: int = 0
    remaining: list[tuple[int, int]] = msgspec.field(default_factory=list)


async def erase_again(db: Db, certificates: Iterable[Certificate], now: datetime) -> ErasedAgain:
    """Erase every fan of the certificates who is there; one who cannot be erased keeps no other from it.

    Who had become an erased fan may be a fan of its own in an older backup. No id is ever given twice, also after a
    restore, so that nobody else is meant. Repeating it does no harm.
    """
    result = ErasedAgain()
    for each in certificates:
        for fan_id in (each.fan_id, *each.former_fan_ids):
            try:
                await erase_fan(db, each.account_id, fan_id, now, source=SOURCE)
            except Unknown:
                continue
            except Exception as error:
                if will_pass(error):
                    raise
                log.warning("erasure failed", account_id=each.account_id, fan_id=fan_id, exc_info=error)
                result.remaining.append((each.account_id, fan_id))
            else:
                result.count += 1
    return result
