"""Rows that are activities."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.campaigns.actions.importing import (
    ActivityLine,
    Entry,
    activity_line,
    campaigns_of,
    delete_activities,
    import_activities,
)
from fanfare.campaigns.schemas.importing import ImportedActivity
from fanfare.fans.actions.importing import ImportContext
from fanfare.fans.actions.importing_owners import import_owners, people_of
from fanfare.imports.actions.kinds.kind import Created, Kind, Outcome, Undone, ids, synonyms
from fanfare.imports.actions.kinds.people import NAMES
from fanfare.imports.queries.uses import used_activities
from fanfare.imports.schemas.fields import Fields
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Refusal


async def write(db: Db, lines: Sequence[ActivityLine], context: ImportContext) -> list[Outcome]:
    """Record the activities, each once."""
    account_id, now = context.account.id, context.now
    campaigns = await campaigns_of(db, account_id, lines, now)
    places = [place for place, each in enumerate(campaigns) if not isinstance(each, Refusal)]
    outcomes = [Outcome(refusal=each if isinstance(each, Refusal) else None) for each in campaigns]
    fans = dict(zip(places, await import_owners(db, [lines[place].owner for place in places], context), strict=True))
    entries: dict[int, Entry] = {}
    for place, fan in fans.items():
        campaign = campaigns[place]
        outcomes[place] = Outcome(refused_count=fan.refused_count, refusal=fan.refusal)
        if fan.fan_id is not None and not isinstance(campaign, Refusal):
            entries[place] = Entry(lines[place], fan.fan_id, campaign)
    created = await import_activities(db, account_id, list(entries.values()), now)
    for place, activity_id in zip(entries, created, strict=True):
        new_fan_id = fans[place].fan_id if fans[place].is_created else None
        outcomes[place] = Outcome(ids(activity_id), new_fan_id, fans[place].refused_count)
    return outcomes


async def undo(db: Db, account_id: int, created: Created, now: datetime) -> Undone:
    """Delete the activities that nothing else names."""
    used = await used_activities(db, account_id, created.ids)
    unused = [each for each in created.ids if each not in used]
    await delete_activities(db, account_id, unused, now)
    return Undone(len(unused), len(used))


OTHER_NAMES = synonyms(
    activity_timestamp=("creation_timestamp", "created_at", "timestamp", "date", "time"),
    campaign_title=("campaign", "campaign_name", "title"),
    details=("props", "properties"),
)
ACTIVITIES = Kind(
    "activities",
    Fields(ImportedActivity, names={**synonyms(**NAMES), **OTHER_NAMES}),
    activity_line,
    write,
    undo,
    topics=("activity",),
    people=lambda lines: people_of(each.owner for each in lines),
)
