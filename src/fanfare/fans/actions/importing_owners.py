"""The fans to whom other rows of an import belong: by id, or found or created by contact data.

Consents of such a row follow the rule of imports of fans: no yes overrides a no.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from fanfare.fans.actions.importing import FanLine, FanOutcome, ImportContext, import_changes, import_fans
from fanfare.fans.actions.matching import ADDRESS
from fanfare.fans.actions.people import CHANNELS, consent_times, person
from fanfare.fans.queries.merges import successors
from fanfare.fans.schemas.fans import FanChanges
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Refusal, Unavailable, Unknown

NAMES = ("first_name", "last_name", "birth_date", "ip_address", "fan_source")


class Owner(msgspec.Struct, frozen=True):
    """The fan of a row: an id, with the consents of the row, or contact data."""

    fan_id: int | None = None
    consents: FanChanges | None = None
    line: FanLine | None = None


def owner(values: dict[str, Any], context: ImportContext, moment: datetime) -> Owner:
    """Return the owner of a row from its parameters, whose consents were given at `moment`.

    BadParameters (422) names every invalid field.
    """
    moment = min(moment, context.uploaded_at)
    flags = {name: values[name] for name in CHANNELS if values.get(name) is not None}
    fan_id = values.get("fan_id")
    if fan_id is not None:
        consents = FanChanges(fan_id=fan_id, consent_timestamp=moment, **flags) if flags else None
        return Owner(fan_id, consents)
    contact = {name: values.get(name) for name in ("email", "phone", *ADDRESS)}
    attributes = {name: values.get(name) for name in NAMES} | flags | consent_times(moment)
    profile = person(contact, home_country=context.account.country_code, **attributes)
    return Owner(line=FanLine(profile, None))


async def import_owners(db: Db, owners: Sequence[Owner], context: ImportContext) -> list[FanOutcome]:
    """Return the fan of each owner, in the caller's transaction, which holds them against merges and erasures.

    One who is refused leaves nothing.
    """
    by_contact = [place for place, each in enumerate(owners) if each.line]
    lines = [each.line for each in owners if each.line]
    outcomes = dict(zip(by_contact, await import_fans(db, lines, context), strict=True))
    by_id = [place for place, each in enumerate(owners) if each.fan_id is not None]
    current_ids = await _current_ids(db, context.account.id, [owners[place].fan_id or 0 for place in by_id])
    for place in by_id:
        each = owners[place]
        fan_id = current_ids.get(each.fan_id or 0)
        if fan_id is None:
            outcomes[place] = FanOutcome(None, refusal=Unknown(fan=each.fan_id))
        else:
            outcomes[place] = await _of_id(db, fan_id, each.consents, context)
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


async def _of_id(db: Db, fan_id: int, consents: FanChanges | None, context: ImportContext) -> FanOutcome:
    if consents is None:
        return FanOutcome(fan_id)
    changes = msgspec.structs.replace(consents, fan_id=fan_id)
    try:
        async with db.transaction() as tx:
            refused = await import_changes(tx, changes, context, is_undated=False)
    except Unavailable:
        raise
    except Refusal as refusal:
        return FanOutcome(None, refusal=refusal)
    return FanOutcome(fan_id, refused_count=refused)
