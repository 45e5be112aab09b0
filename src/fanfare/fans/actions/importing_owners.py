"""The fans to whom other rows of an import belong: by id, or found or created by contact data.

Consents of such a row follow the rule of imports of fans: no yes overrides a no.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from fanfare.fans.actions.consent_batches import FanWords, Words
from fanfare.fans.actions.consents import ConsentContext, consent_entries
from fanfare.fans.actions.importing import FanLine, FanOutcome, ImportContext, import_fans, record_words
from fanfare.fans.actions.importing_people import ReadyPeople, ready_people
from fanfare.fans.actions.matching import ADDRESS
from fanfare.fans.actions.people import CHANNELS, consent_times, person
from fanfare.fans.queries.merges import successors
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown

NAMES = ("first_name", "last_name", "birth_date", "ip_address", "fan_source")


class Owner(msgspec.Struct, frozen=True):
    """The fan of a row: an id, with the consents of the row, or contact data."""

    fan_id: int | None = None
    words: Words | None = None
    line: FanLine | None = None


def owner(values: dict[str, Any], context: ImportContext, moment: datetime) -> Owner:
    """Return the owner of a row from its parameters, whose consents were given at `moment`.

    BadParameters (422) names every invalid field.
    """
    moment = min(moment, context.uploaded_at, context.now)
    fan_id = values.get("fan_id")
    if fan_id is not None:
        entries = consent_entries(values.get("is_subscribed"), values.get("is_phone_subscribed"), None)
        return Owner(fan_id, Words(entries, ConsentContext(context.source, context.now, moment)) if entries else None)
    flags = {name: values[name] for name in CHANNELS if values.get(name) is not None}
    contact = {name: values.get(name) for name in ("email", "phone", *ADDRESS)}
    attributes = {name: values.get(name) for name in NAMES} | flags | consent_times(moment)
    profile = person(contact, home_country=context.account.country_code, **attributes)
    return Owner(line=FanLine(profile, None))


def people_of(owners: Iterable[Owner]) -> ReadyPeople:
    """Return the persons of owners who are named by contact data, as `import_owners` takes them."""
    return ready_people(each.line.profile for each in owners if each.line)


async def import_owners(db: Db, owners: Sequence[Owner], context: ImportContext) -> list[FanOutcome]:
    """Return the fan of each owner, in the caller's transaction, which holds them against merges and erasures.

    One who is refused leaves nothing.
    """
    by_contact = [place for place, each in enumerate(owners) if each.line]
    lines = [each.line for each in owners if each.line]
    outcomes = dict(zip(by_contact, await import_fans(db, lines, context), strict=True))
    named = {place: each.fan_id for place, each in enumerate(owners) if each.fan_id is not None}
    current_ids = await _current_ids(db, context.account.id, list(named.values()))
    spoken: dict[int, FanWords] = {}
    for place, fan_id in named.items():
        current_id, words = current_ids.get(fan_id), owners[place].words
        outcomes[place] = FanOutcome(current_id, refusal=None if current_id else Unknown(fan=fan_id))
        if current_id is not None and words:
            spoken[place] = FanWords(current_id, words)
    for place, result in (await record_words(db, spoken, context)).items():
        outcomes[place] = FanOutcome(outcomes[place].fan_id, refused_count=result.refused_count)
    return [outcomes[place] for place in range(len(owners))]


async def _current_ids(db: Db, account_id: int, fan_ids: Sequence[int]) -> dict[int, int]:
    """Return the current ids of fans who exist, and lock them."""
    if not fan_ids:
        return {}
    merged = await successors(db, account_id, fan_ids)
    rows = await db.rows(
        "select fan_id from fans where account_id = $1 and fan_id = any($2::bigint[]) order by fan_id for key share",
        account_id,
        sorted({merged.get(each, each) for each in fan_ids}),
    )
    present = {row["fan_id"] for row in rows}
    return {each: merged.get(each, each) for each in fan_ids if merged.get(each, each) in present}
