"""Repeats erasures after a backup was restored, from certificates that were stored elsewhere."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
import structlog

from fanfare.fans.actions.erasure import erase_fan
from fanfare.fans.schemas.erasures import Certificate
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.faults import is_transient
from fanfare.kernel.errors import Unknown

log = structlog.get_logger()

SOURCE = "restore"


class RepeatedErasures(msgspec.Struct):
    """The number of fans erased, and those whose erasure failed, as (account_id, fan_id)."""

    count: int = 0
    remaining: list[tuple[int, int]] = msgspec.field(default_factory=list)


async def erase_again(db: Db, certificates: Iterable[Certificate], now: datetime) -> RepeatedErasures:
    """Erase every existing fan of the certificates; one that fails does not stop the others. Idempotent.

    A fan merged into an erased fan can be separate again in an older backup, so former ids are erased too. Ids are
    never reused, not even after a restore, so no other fan can be hit.
    """
    result = RepeatedErasures()
    for each in certificates:
        for fan_id in (each.fan_id, *each.former_fan_ids):
            try:
                await erase_fan(db, each.account_id, fan_id, now, source=SOURCE)
            except Unknown:
                continue
            except Exception as error:
                if is_transient(error):
                    raise
                log.warning("erasure failed", account_id=each.account_id, fan_id=fan_id, exc_info=error)
                result.remaining.append((each.account_id, fan_id))
            else:
                result.count += 1
    return result
