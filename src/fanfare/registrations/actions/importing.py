"""Registrations of an import: written as by their call, but that no yes overrides a no; deleted by an undo."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from fanfare.fans.actions.importing import FLAGS, ImportContext
from fanfare.fans.actions.importing_owners import Owner, import_owners, owner
from fanfare.fans.actions.people import CHANNELS, Person
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Refusal
from fanfare.kernel.parameters import present_fields
from fanfare.registrations.actions.batches import Line, new_profiles, parts, write_registrations
from fanfare.registrations.actions.registrations import SUBJECT, holder_of
from fanfare.registrations.schemas.registrations import NewRegistration
from fanfare.registrations.topics import REGISTRATION_DELETED


class ImportedRegistration(NamedTuple):
    """A registration of an import with its holder, and the fan."""

    line: Line
    owner: Owner

    @property
    def activity_id(self) -> int | None:
        """The activity that is named."""
        return self.line.new.activity_id


class RegistrationOutcome(msgspec.Struct, frozen=True):
    """What became of a registration: its id if it is new, the fan if that is new, opt-ins left out, or a refusal."""

    registration_id: int | None = None
    created_fan_id: int | None = None
    refused_count: int = 0
    refusal: Refusal | None = None


def imported_registration(new: NewRegistration, context: ImportContext) -> ImportedRegistration:
    """Return the line of a registration; BadParameters (422) names every invalid field."""
    profile = holder_of(context.account, new, context.now)
    return ImportedRegistration(Line(new, profile), owner(present_fields(new), context, new.registration_timestamp))


async def import_registrations(
    db: Db, registrations: Sequence[ImportedRegistration], context: ImportContext
) -> list[RegistrationOutcome]:
    """Insert or update registrations by their keys, in the caller's transaction; their activities are there."""
    outcomes: list[RegistrationOutcome] = []
    for places, repeats in parts([each.line for each in registrations]):
        part = [registrations[place] for place in places]
        outcomes += await _import_part(db, part, {place - places[0] for place in repeats}, context)
    return outcomes


async def _import_part(
    db: Db, registrations: Sequence[ImportedRegistration], repeats: set[int], context: ImportContext
) -> list[RegistrationOutcome]:
    """Import a part of a batch, in which the lines `repeats` say nothing new about messages."""
    lines = {place: each.line for place, each in enumerate(registrations) if place not in repeats}
    profiles = await new_profiles(db, context.account.id, lines)
    profiles |= {place: _silent(registrations[place].line.profile) for place in repeats}
    owners = [_owner(each.owner, profiles.get(place)) for place, each in enumerate(registrations)]
    fans = await import_owners(db, owners, context)
    valid = [(place, fan.fan_id) for place, fan in enumerate(fans) if fan.fan_id is not None]
    saved = [(registrations[place].line, fan_id) for place, fan_id in valid]
    new_ids = await write_registrations(db, context.account, saved, context.now)
    ids = {place: new_id for (place, _), new_id in zip(valid, new_ids, strict=True)}
    return [
        RegistrationOutcome(ids.get(place), fan.fan_id if fan.is_created else None, fan.refused_count, fan.refusal)
        for place, fan in enumerate(fans)
    ]


def _silent(profile: Person) -> Person:
    return msgspec.structs.replace(profile, **dict.fromkeys(CHANNELS))


def _owner(plain: Owner, profile: Person | None) -> Owner:
    """Return an owner with the consents of a profile, if there is one."""
    if profile is None:
        return plain
    flags = {name: getattr(profile, name) for name in CHANNELS}
    if line := plain.line:
        return Owner(line=msgspec.structs.replace(line, profile=msgspec.structs.replace(line.profile, **flags)))
    words = plain.words
    entries = [each for each in words.entries if flags[FLAGS[each.channel]] is not None] if words else []
    return Owner(plain.fan_id, msgspec.structs.replace(words, entries=entries) if words and entries else None)


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
