"""Rows that are consents, each with its proof."""

from collections.abc import Sequence
from datetime import datetime

from fanfare.fans.actions.consents import unknown_businesses
from fanfare.fans.actions.importing import ImportContext
from fanfare.fans.actions.importing_consents import ConsentLine, consent_line, delete_yeses, import_consents
from fanfare.fans.actions.importing_owners import import_owners, people_of
from fanfare.fans.schemas.imported_consents import ImportedConsent
from fanfare.imports.actions.kinds.kind import Created, Kind, Outcome, Undone, synonyms
from fanfare.imports.actions.kinds.people import NAMES
from fanfare.imports.schemas.fields import Fields
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters


async def write(db: Db, lines: Sequence[ConsentLine], context: ImportContext) -> list[Outcome]:
    """Record the consents, each once."""
    account_id = context.account.id
    unknown = await unknown_businesses(db, account_id, [each.new.business_id for each in lines if each.new.business_id])
    places = [place for place, each in enumerate(lines) if each.new.business_id not in unknown]
    fans = await import_owners(db, [lines[place].owner for place in places], context)
    refusals = {place: fan.refusal for place, fan in zip(places, fans, strict=True)}
    spoken = [(place, fan, fan.fan_id) for place, fan in zip(places, fans, strict=True) if fan.fan_id is not None]
    outcomes = [Outcome(refusal=refusals.get(place, NO_BUSINESS)) for place in range(len(lines))]
    results = await import_consents(db, [(fan_id, lines[place]) for place, _, fan_id in spoken], context)
    for (place, fan, fan_id), result in zip(spoken, results, strict=True):
        new_fan_id = fan_id if fan.is_created else None
        outcomes[place] = Outcome(tuple(result.consent_ids), new_fan_id, result.refused_count)
    return outcomes


async def undo(db: Db, account_id: int, created: Created, now: datetime) -> Undone:
    """Delete every yes from the ledger, and keep every no."""
    deleted = await delete_yeses(db, account_id, created.ids, now)
    return Undone(deleted, len(created.ids) - deleted)


NO_BUSINESS = BadParameters([("business_id", "is not a business of this account")])
OTHER_NAMES = synonyms(
    consent_wording=("wording", "consent_text", "text"),
    consent_source=("source",),
    consent_timestamp=("timestamp", "date", "consented_at", "opt_in_date"),
    is_granted=("granted", "consent", "opt_in"),
)
CONSENTS = Kind(
    "consents",
    Fields(ImportedConsent, names={**synonyms(**NAMES), **OTHER_NAMES}),
    consent_line,
    write,
    undo,
    people=lambda lines: people_of(each.owner for each in lines),
)
