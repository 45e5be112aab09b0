"""What completes quests, which are campaigns of a higher domain; app.py passes it in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from fanfare.kernel.data.db import Db
from fanfare.kernel.handover import Handover


class Settle(Protocol):
    """Completes the quests that fans have fulfilled, and awards their points."""

    async def __call__(self, db: Db, account_id: int, fan_ids: Sequence[int], now: datetime) -> None:
        """Run after the statement that wrote the progress; in its transaction if there is one."""


SETTLE = Handover[Settle]("what completes quests")
