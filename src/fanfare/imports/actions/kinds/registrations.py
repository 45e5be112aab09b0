"""Rows that are registrations."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.fans.actions.importing import ImportContext
from fanfare.fans.actions.importing_owners import people_of
from fanfare.imports.actions.kinds.kind import Created, Kind, Outcome, Undone, ids, synonyms
from fanfare.imports.actions.kinds.people import NAMES
from fanfare.imports.queries.uses import present_activities
from fanfare.imports.schemas.fields import Fields
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.registrations.actions.importing import (
    ImportedRegistration,
    delete_unused,
    import_registrations,
    imported_registration,
)
from fanfare.registrations.schemas.registrations import NewRegistration


async def write(db: Db, lines: Sequence[ImportedRegistration], context: ImportContext) -> list[Outcome]:
    """Save the registrations, each once by its key."""
    named = [each.activity_id for each in lines if each.activity_id is not None]
    present = await present_activities(db, context.account.id, named)
    places = [place for place, each in enumerate(lines) if each.activity_id in present]
    outcomes = [Outcome(refusal=NO_ACTIVITY) for _ in lines]
    results = await import_registrations(db, [lines[place] for place in places], context)
    for place, each in zip(places, results, strict=True):
        outcomes[place] = Outcome(ids(each.registration_id), each.created_fan_id, each.refused_count, each.refusal)
    return outcomes


async def undo(db: Db, account_id: int, created: Created, now: datetime) -> Undone:
    """Delete the registrations that nobody changed and no gate has scanned."""
    deleted = await delete_unused(db, account_id, created.ids, now)
    return Undone(deleted, len(created.ids) - deleted)


NO_ACTIVITY = BadParameters([("activity_id", "is not an activity of this account")])
OTHER_NAMES = synonyms(
    registration_timestamp=("registered_at", "registration_date", "timestamp", "date"),
    event_name=("event",),
    venue_name=("venue",),
    registration_key=("key",),
)
REGISTRATIONS = Kind(
    "registrations",
    Fields(NewRegistration, names={**synonyms(**NAMES), **OTHER_NAMES}),
    imported_registration,
    write,
    undo,
    topics=("registration",),
    people=lambda lines: people_of(each.owner for each in lines),
)
