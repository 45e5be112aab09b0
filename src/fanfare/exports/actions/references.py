"""What the searches of schedules name: it cannot be deleted or renamed while a schedule needs it."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.exports.queries.references import schedules_naming
from fanfare.exports.schemas.schedules import NewSchedule, fan_search
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.references import Reference, hold
from fanfare.kernel.errors import BadParameters, Conflict
from fanfare.search.criteria.uses import segment_references, segments_by_criterion
from fanfare.search.queries.conditions import checked_context, existing_segments

MAX_NAMES = 5


class NamedBySchedules(Conflict):
    """A schedule of exports refers to this"""


async def refuse_scheduled(db: Db, account_id: int, items: Sequence[Reference]) -> None:
    """Raise `NamedBySchedules` (409) if the search of a schedule refers to one of some records."""
    names = await schedules_naming(db, account_id, items)
    if names:
        text = ", ".join(f'"{name}"' for name in names[:MAX_NAMES])
        suffix = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        kind = "a schedule of exports" if len(names) == 1 else "schedules of exports"
        message = f"used by {kind}: {text}{suffix}"
        raise NamedBySchedules(message)


async def check_references(db: Db, account: Account, new: NewSchedule, now: datetime) -> None:
    """Raise BadParameters (422) if the search of a schedule names what is not there.

    It stays there until the caller's transaction ends.
    """
    if new.search is None:
        return
    await hold(db, account.id)
    search = fan_search(new.search)
    segments = segments_by_criterion(search)
    existing = await existing_segments(db, account.id, segment_references([search]))
    unknown = [(name, each) for name, names in segments.items() for each in names if each not in existing]
    if unknown:
        raise BadParameters([("search", f"{name}: refers to an unknown segment: {each}") for name, each in unknown])
    try:
        await checked_context(db, account, search, now)
    except BadParameters as wrong:
        raise BadParameters([("search", f"{field}: {message}") for field, message in wrong.errors]) from None
