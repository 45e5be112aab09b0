"""Registrations of an import: each written as by its call, but that no yes overrides a no; deleted by an undo."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfare.fans.actions.importing import FLAGS, FanOutcome, ImportContext
from fanfare.fans.actions.importing_owners import Owner, import_owners, owner
from fanfare.fans.actions.people import CHANNELS, Person
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Refusal, Unavailable
from fanfare.kernel.parameters import present_fields
from fanfare.registrations.actions.registrations import (
    SUBJECT,
    check_activity,
    holder_of,
    without_repeated_consents,
    write_registration,
)
from fanfare.registrations.schemas.registrations import NewRegistration
from fanfare.registrations.topics import REGISTRATION_DELETED


class ImportedRegistration(msgspec.Struct, frozen=True):
    """A registration of an import, its holder, and the fan."""

    new: NewRegistration
    profile: Person
    owner: Owner


class RegistrationOutcome(msgspec.Struct, frozen=True):
    """What became of a registration: its id if it is new, the fan if that is new, opt-ins left out, or a refusal.

    One that is refused late leaves its fan.
    """

    registration_id: int | None = None
    created_fan_id: int | None = None
    refused_count: int = 0
    refusal: Refusal | None = None


def imported_registration(new: NewRegistration, context: ImportContext) -> ImportedRegistration:
    """Return the line of a registration; BadParameters (422) names every invalid field."""
    profile = holder_of(context.account, new, context.now)
    return ImportedRegistration(new, profile, owner(present_fields(new), context, new.registration_timestamp))


async def import_registrations(
    db: Db, registrations: Sequence[ImportedRegistration], context: ImportContext
) -> list[RegistrationOutcome]:
    """Insert or update registrations by their keys, in the caller's transaction."""
    owners = [await _new_consents(db, each, context) for each in registrations]
    fans = await import_owners(db, owners, context)
    return [
        RegistrationOutcome(refusal=fan.refusal) if fan.refusal else await _write(db, each, fan, context)
        for each, fan in zip(registrations, fans, strict=True)
    ]


async def _new_consents(db: Db, registration: ImportedRegistration, context: ImportContext) -> Owner:
    """Return the owner of a registration without the consents that it had when it was stored before."""
    plain, line = registration.owner, registration.owner.line
    new = await without_repeated_consents(db, context.account.id, registration.new, registration.profile)
    if new is registration.profile:
        return plain
    flags = {name: getattr(new, name) for name in CHANNELS}
    if line:
        return Owner(line=msgspec.structs.replace(line, profile=msgspec.structs.replace(line.profile, **flags)))
    entries = [each for each in plain.words.entries if flags[FLAGS[each.channel]] is not None] if plain.words else []
    return Owner(
        plain.fan_id, msgspec.structs.replace(plain.words, entries=entries) if plain.words and entries else None
    )


async def _write(
    db: Db, registration: ImportedRegistration, fan: FanOutcome, context: ImportContext
) -> RegistrationOutcome:
    line = registration.new, registration.profile
    assert fan.fan_id is not None  # noqa: S101 - it was not refused
    created_id = fan.fan_id if fan.is_created else None
    try:
        async with db.transaction() as tx:
            await check_activity(tx, context.account.id, registration.new.activity_id)
            new_id = await write_registration(tx, context.account, line, fan.fan_id, context.now)
    except Unavailable:
        raise
    except Refusal as refusal:
        return RegistrationOutcome(None, created_id, fan.refused_count, refusal)
    return RegistrationOutcome(new_id, created_id, fan.refused_count)


DELETE = f"""
    with {HOLD},
    deleted as (
        delete from registrations r
        where r.account_id = $1 and r.registration_id = any($2::bigint[]) and r.updated_at = r.created_at
          and not exists (
              select from scans s
              where s.account_id = $1 and s.network = r.network
                and (s.registration_key = r.registration_key or s.registration_key is null and s.barcode = r.barcode))
        returning r.network, r.registration_key, r.fan_id
    ),
    announced as (
        {announce(REGISTRATION_DELETED, "deleted", subject=SUBJECT, at="$3")}
    )
    select count(*) from deleted
"""  # noqa: S608 - fixed parts


async def delete_unused(db: Db, account_id: int, registration_ids: Sequence[int], now: datetime) -> int:
    """Delete those of some registrations that were never changed nor scanned, and return their number.

    Part of the caller's transaction.
    """
    count: int = await db.value(DELETE, account_id, list(registration_ids), now)
    return count
