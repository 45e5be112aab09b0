"""Deletes old deliveries, and what endpoints answered about a fan who is erased."""

from collections.abc import Collection
from datetime import datetime, timedelta

from fanfare.fans.followers import Person
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.settings import Settings

DELETE_BATCH = 5000
# Deliveries have the fan as their lane, which stays as it is.
TABLES = ()


class Retention:
    """How long deliveries are kept, by the settings; the worker sets it as it starts."""

    def __init__(self) -> None:
        """Begin with the default."""
        self.use(Settings())

    def use(self, settings: Settings) -> None:
        """Take FANFARE_DELIVERIES_DAYS."""
        self.duration = timedelta(days=settings.deliveries_days)


delivery_retention = Retention()


async def forget_deliveries(db: Db, account_id: int, older_than: datetime) -> None:
    """Delete deliveries that were written before `older_than`, in batches."""
    deleted = DELETE_BATCH
    while deleted == DELETE_BATCH:
        status = await db.execute(
            """
            delete from webhook_deliveries where account_id = $1 and delivery_id in (
                select delivery_id from webhook_deliveries where account_id = $1 and created_at < $2
                order by delivery_id limit $3)
            """,
            account_id,
            older_than,
            DELETE_BATCH,
        )
        deleted = int(status.removeprefix("DELETE "))


async def move_fan(db: Db, account_id: int, old_fan_id: int, fan_id: int) -> None:
    """Leave deliveries as they are: they say what happened to the fan of that time."""


async def forget_fan(db: Db, account_id: int, fan_id: int) -> None:
    """Forget what endpoints answered about a fan, which can repeat what they know."""
    await _clear_answers(db, account_id, [fan_id])


async def forget_person(db: Db, account_id: int, person: Person, _: datetime) -> None:
    """Forget what endpoints answered about a fan and about the fans that were merged into it."""
    await _clear_answers(db, account_id, person.fan_ids)


async def _clear_answers(db: Db, account_id: int, fan_ids: Collection[int]) -> None:
    await db.execute(
        "update webhook_deliveries set response_body = null where account_id = $1 and lane = any($2::bigint[])",
        account_id,
        list(fan_ids),
    )
