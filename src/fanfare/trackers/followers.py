"""What links need of higher domains: what follows a click, whose browser it is, how pages look; app.py passes it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from fanfare.kernel.data.db import Db
from fanfare.kernel.handover import Handover


class ClickFollower(Protocol):
    """Does what follows from a fan's click."""

    async def __call__(
        self, db: Db, account_id: int, fan_id: int, tracker_id: int, click_id: int, now: datetime
    ) -> None:
        """Run in the transaction of a click that counts: the fan exists, and its row is locked against erasure."""


class BrowserFan(Protocol):
    """Finds the fan who is logged in in a browser."""

    async def __call__(self, db: Db, cookies: Mapping[str, str], account_id: int, now: datetime) -> int | None:
        """Return the fan_id by our cookies, without the prefix of their names."""


class PageLook(Protocol):
    """Finds the look of a page for fans."""

    async def __call__(self, db: Db, account_id: int, business_id: int | None = None) -> object:
        """Return the look of a business; without one that of the account."""


CLICK_FOLLOWERS = Handover[Sequence[ClickFollower]]("what follows from clicks of fans")
BROWSER_FAN = Handover[BrowserFan]("the fan of a browser")
PAGE_LOOK = Handover[PageLook]("the look of pages for fans")
