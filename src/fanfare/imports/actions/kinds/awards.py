"""Rows that are points."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.fans.actions.importing import ImportContext
from fanfare.fans.actions.importing_owners import import_owners, people_of
from fanfare.imports.actions.kinds.kind import Created, Kind, Outcome, Undone, ids, synonyms
from fanfare.imports.actions.kinds.people import NAMES
from fanfare.imports.schemas.fields import Fields
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Refusal
from fanfare.points.actions.importing import AwardLine, Entry, award_line, categories_of, delete_awards, import_awards
from fanfare.points.schemas.points import ImportedAward


async def write(db: Db, lines: Sequence[AwardLine], context: ImportContext) -> list[Outcome]:
    """Award the points, each award once."""
    account_id = context.account.id
    categories = await categories_of(db, account_id, lines)
    places = [place for place, each in enumerate(categories) if not isinstance(each, Refusal)]
    outcomes = [Outcome(refusal=each if isinstance(each, Refusal) else None) for each in categories]
    fans = dict(zip(places, await import_owners(db, [lines[place].owner for place in places], context), strict=True))
    entries: dict[int, Entry] = {}
    for place, fan in fans.items():
        category = categories[place]
        outcomes[place] = Outcome(refusal=fan.refusal)
        if fan.fan_id is not None and not isinstance(category, Refusal):
            entries[place] = Entry(lines[place].new, fan.fan_id, category)
    results = await import_awards(db, list(entries.values()), context)
    for place, result in zip(entries, results, strict=True):
        new_fan_id = fans[place].fan_id if fans[place].is_created else None
        outcomes[place] = Outcome(ids(result.fan_point_id), new_fan_id, refusal=result.refusal)
    return outcomes


async def undo(db: Db, account_id: int, created: Created, now: datetime) -> Undone:
    """Delete the awards, but for those that were spent."""
    deleted = await delete_awards(db, account_id, created.ids, now)
    return Undone(deleted, len(created.ids) - deleted)


OTHER_NAMES = synonyms(
    award_timestamp=("creation_timestamp", "created_at", "timestamp", "date"),
    point_name=("category", "point_category"),
    point_count=("points", "count", "amount"),
)
POINTS = Kind(
    "points",
    Fields(ImportedAward, names={**synonyms(**NAMES), **OTHER_NAMES}),
    award_line,
    write,
    undo,
    topics=("points",),
    people=lambda lines: people_of(each.owner for each in lines),
)
