"""What criteria are read against at a moment: what they name, and what the account has of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.search.criteria import Criteria
from fanfare.search.criteria.criterion import Lookup, Setting
from fanfare.search.criteria.uses import referred, uses
from fanfare.search.queries import stored


async def shared_setting(
    db: Db, account: Account, searches: Sequence[Criteria], now: datetime, limit: int | None = None
) -> Setting:
    """Return what several sets of criteria are read against at this moment; of filters not many more than the most."""
    stored_criteria = await stored.reachable(db, account.id, searches, limit)
    reached = {uid: each for uid, each in stored_criteria.items() if each is not None}
    read = [*searches, *reached.values()]
    lists = [each for each in referred(read) if not each.startswith("filter:")]
    return Setting(
        account.time_zone,
        account.country_code,
        now.astimezone(ZoneInfo(account.time_zone)).date(),
        reached,
        frozenset(stored_criteria.keys() - reached),
        frozenset(await stored.known_segments(db, account.id, lists)),
        await _names(db, account, read),
    )


async def _names(db: Db, account: Account, read: Sequence[Criteria]) -> dict[Lookup[Any, Any, Any], dict[Any, Any]]:
    """Return what the account has by the names that criteria give, each lookup once for all of them."""
    keys_by_lookup: dict[Lookup[Any, Any, Any], dict[Any, None]] = {}
    for use in (use for each in read for use in uses(each)):
        for lookup in use.criterion.lookups:
            keys = lookup.keys(use.value, account.country_code)
            keys_by_lookup.setdefault(lookup, {}).update(dict.fromkeys(keys))
    return {lookup: await lookup.find(db, account.id, list(keys)) for lookup, keys in keys_by_lookup.items() if keys}
