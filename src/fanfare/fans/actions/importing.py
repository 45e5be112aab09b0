"""Fans of an import: found or created in batches, their empty fields filled. No yes of an import overrides a no.

No consent counts from later than the upload of its file. A yes without a time is older than every no, since nobody
knows when it was given: so neither the order of files nor that of imports decides.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any

import msgspec
from msgspec import UNSET

from fanfare.fans.actions.consent_batches import FanWords, Words, WordsOutcome, write_words
from fanfare.fans.actions.consents import (
    ConsentContext,
    consent_entries,
    consent_state,
    no_businesses,
    unknown_businesses,
)
from fanfare.fans.actions.fans import CIRCUMSTANCES, OTHER_FIELDS, PERSONAL, Change, prepare_change, write_change
from fanfare.fans.actions.fields import read_value_sets
from fanfare.fans.actions.importing_details import DETAILS, fill_details
from fanfare.fans.actions.importing_fields import fill_values
from fanfare.fans.actions.importing_people import ReadyBatch, ReadyPeople, identifiers, ready_people
from fanfare.fans.actions.matching import ADDRESS, FOUND_MAILS, FOUND_PHONES, MATCH_GUARDED
from fanfare.fans.actions.matching_consents import refused_yeses
from fanfare.fans.actions.people import CHANNELS, Person, consent_times, person, statement
from fanfare.fans.schemas.fans import FanChanges, NewFan
from fanfare.fans.schemas.imported_consents import ImportedConsent
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters, Conflict, Refusal, Unavailable

FIND = tuple(
    Sql(f"""
        with {HOLD},
        {ctes}
        select r.place, r.fan_id, r.fan_id in (select fan_id from created) as is_created,
               u.position as update_position, {refused_yeses(erased=has_erased)} as refused_yeses
        from resolved r
        join persons g on g.place = r.place
        left join lateral (
            select is_subscribed, is_phone_subscribed, is_optout, email_word_at, phone_word_at, optout_word_at
            from fans
            where account_id = $1 and fan_id = r.fan_id and r.fan_id not in (select fan_id from new_ids) limit 1) f
            on true
        left join (select fan_id, position from updated where is_changed) u on u.fan_id = r.fan_id
        order by r.place
    """)  # noqa: S608 - fixed parts
    for ctes, has_erased in zip(MATCH_GUARDED, (False, False, True), strict=True)
)
# Fans are locked before the statement above reads them, so that it sees a no which another transaction just wrote.
# `lateral … limit 1` and the order of the fans force look-ups by primary key, also in tables that were never analysed.
FIND_LOCKED = """
    with found as materialized (
        select k.place, k.network, i.fan_id
        from unnest($2::text::integer[], $3::text::text[], $4::text::text[]) as k (place, network, identifier_value)
        cross join lateral (
            select fan_id from fan_identifiers
            where account_id = $1 and network = k.network and identifier_value = k.identifier_value limit 1) i
    ),
    locked as materialized (
        select f.fan_id
        from (select distinct fan_id from found order by fan_id) as d
        cross join lateral (
            select fan_id from fans where account_id = $1 and fan_id = d.fan_id for {lock}) f
    )
    select found.place, found.network, (select count(*) from locked) as lock_count from found
"""
LOCKS = {True: FIND_LOCKED.format(lock="no key update"), False: FIND_LOCKED.format(lock="key share")}

# Parameters that a row of a file cannot have.
NOT_IMPORTED = frozenset({"password", "idol_names", "idol_names[]"})
# What proves a consent is written with it.
PROOF = ("consent_wording", "consent_source")
# What is written for one fan alone.
ALONE = tuple(name for name in OTHER_FIELDS if name not in (*CIRCUMSTANCES, *DETAILS, "fields"))
# The channels of which the statement that finds fans knows.
FOUND_CHANNELS = {"email", "phone"}
# The parameter of each channel.
FLAGS = {"email": "is_subscribed", "phone": "is_phone_subscribed", "everything": "is_optout"}


class ImportContext(msgspec.Struct, frozen=True):
    """The account of an import, the source of its fans and consents, when its file was uploaded, and the time now.

    Whoever was erased since `erasures_since`, else since the upload, is left out. `own_positions` gets those of the
    changes of fans who were there, which an undo takes for no changes of others. `ready` are the persons of the batch.
    """

    account: Account
    source: str
    uploaded_at: datetime
    now: datetime
    erasures_since: datetime | None = None
    own_positions: list[int] = []
    ready: ReadyPeople | None = None


class FanLine(msgspec.Struct, frozen=True):
    """A fan of an import: what a batch writes, and what is written for this fan alone (`rest`, without consents).

    `words` are all consents if there is any of a business or of everything. `fields` are custom fields, as the file
    has them, and `details` what is filled by `fill_details`, where nothing is written for this fan alone.
    """

    profile: Person
    rest: FanChanges | None
    fields: Mapping[str, object] = {}
    words: Words | None = None
    details: FanChanges | None = None


class FanOutcome(msgspec.Struct, frozen=True):
    """What became of a line: the fan, or why it was refused.

    `refused_count` is the number of its opt-ins that were left out because of an opt-out.
    """

    fan_id: int | None
    is_created: bool = False
    refused_count: int = 0
    refusal: Refusal | None = None


def fan_line(new: NewFan, context: ImportContext) -> FanLine:
    """Return the line of a fan; BadParameters (422) names every invalid field."""
    moment = min(new.consent_timestamp, context.uploaded_at) if new.consent_timestamp else None
    words = _words(new, moment, context)
    consents = {} if words else {name: getattr(new, name) for name in (*CHANNELS, *PROOF)}
    if all(consents.get(name) is None for name in CHANNELS):
        # A proof alone proves nothing, and would be taken for the proof of another line of this person.
        consents = {}
    contact = {name: getattr(new, name) for name in ("email", "phone", *ADDRESS)}
    attributes = {name: getattr(new, name) for name in PERSONAL} | consents
    profile = person(contact, home_country=context.account.country_code, **consent_times(moment), **attributes)
    details = {name: value for name in DETAILS if (value := getattr(new, name)) is not None}
    rest = {name: value for name in ALONE if (value := getattr(new, name)) is not None}
    if details or rest:
        details |= {"email": profile.mail or UNSET, "phone": profile.phone or UNSET}
    if not rest:
        changes = FanChanges(fan_id=0, **details) if details else None
        return FanLine(profile, None, new.fields or {}, words, changes)
    if new.fields:
        rest["fields"] = new.fields
    return FanLine(profile, FanChanges(fan_id=0, **(details | rest)), words=words)


def _words(new: NewFan, moment: datetime | None, context: ImportContext) -> Words | None:
    """Return the consents of a fan, given at `moment`, unless the statement that finds fans knows all of them."""
    entries = consent_entries(new.is_subscribed, new.is_phone_subscribed, new.is_optout, new.businesses)
    if all(each.channel in FOUND_CHANNELS for each in entries):
        return None
    return Words(entries, circumstances(new, moment, context))


def circumstances(new: NewFan | ImportedConsent, moment: datetime | None, context: ImportContext) -> ConsentContext:
    """Return the circumstances of the consents of a row, said at `moment`, None if nobody knows when."""
    return ConsentContext(
        new.consent_source or context.source,
        context.now,
        min(moment or context.uploaded_at, context.now),
        new.consent_wording,
        new.ip_address or None,
        is_undated=moment is None,
    )


async def import_fans(db: Db, lines: Sequence[FanLine], context: ImportContext) -> list[FanOutcome]:
    """Find or create the fans of some lines, in the caller's transaction; a line that is refused leaves nothing."""
    if any(line.rest is not None for line in lines):
        # What is written for one fan alone comes in the order of the lines: the first value counts.
        lines = [_with_rest(line) for line in lines]
    refusals: dict[int, Refusal] = dict(await _without_business(db, lines, context))
    refusals |= {place: ErasedSince() for place in await _erased(db, [line.profile for line in lines], context)}
    values, wrong = await _read_fields(db, {n: line for n, line in enumerate(lines) if n not in refusals}, context)
    outcomes = {place: FanOutcome(None, refusal=each) for place, each in (refusals | wrong).items()}
    plain = [place for place, line in enumerate(lines) if line.rest is None and place not in outcomes]
    rows = await _find(db, [lines[place].profile for place in plain], context)
    outcomes.update({place: _outcome(row, lines[place].profile) for place, row in zip(plain, rows, strict=True)})
    fans = [(fan_id, values[place]) for place in plain if place in values and (fan_id := outcomes[place].fan_id)]
    context.own_positions.extend(await fill_values(db, context.account.id, fans, context.now))
    details = [(outcomes[place].fan_id, lines[place].details) for place in plain]
    context.own_positions.extend(await fill_details(db, context.account.id, details, context.now))
    for place, line in enumerate(lines):
        if line.rest is not None and place not in outcomes:
            outcomes[place] = await _import_one(db, line, line.rest, context)
    results = await _write_words(db, lines, [outcomes[place] for place in range(len(lines))], context)
    return list(_counted_once(results))


def _with_rest(line: FanLine) -> FanLine:
    if line.rest is not None or not (line.fields or line.details):
        return line
    rest = line.details or FanChanges(fan_id=0)
    if line.fields:
        rest = msgspec.structs.replace(rest, fields=dict(line.fields))
    return msgspec.structs.replace(line, rest=rest, fields={}, details=None)


async def _without_business(db: Db, lines: Sequence[FanLine], context: ImportContext) -> dict[int, BadParameters]:
    """Return for the places of lines with a consent of a business that is not there what is wrong."""
    named = {place: line.words.business_ids for place, line in enumerate(lines) if line.words}
    unknown = await unknown_businesses(db, context.account.id, [each for ids in named.values() for each in ids])
    return {place: no_businesses(missing) for place, ids in named.items() if (missing := unknown.intersection(ids))}


async def _write_words(
    db: Db, lines: Sequence[FanLine], outcomes: list[FanOutcome], context: ImportContext
) -> list[FanOutcome]:
    """Write the words of lines whose fans are there, and return the outcomes with the opt-ins that were left out."""
    spoken = {
        place: FanWords(fan_id, line.words)
        for place, line in enumerate(lines)
        if line.words and (fan_id := outcomes[place].fan_id) is not None
    }
    for place, result in (await record_words(db, spoken, context)).items():
        outcomes[place] = msgspec.structs.replace(outcomes[place], refused_count=result.refused_count)
    return outcomes


async def record_words(db: Db, rows: Mapping[int, FanWords], context: ImportContext) -> dict[int, WordsOutcome]:
    """Write what rows say for their fans, by their places, and return what became of it."""
    results, positions = await write_words(
        db, context.account.id, list(rows.values()), context.uploaded_at, context.now
    )
    context.own_positions.extend(positions)
    return dict(zip(rows, results, strict=True))


async def _read_fields(
    db: Db, lines: Mapping[int, FanLine], context: ImportContext
) -> tuple[dict[int, dict[str, Any]], dict[int, BadParameters]]:
    """Return the custom values of lines by their places, and for lines with wrong ones what is wrong."""
    places = [place for place, line in lines.items() if line.fields]
    if not places:
        return {}, {}
    value_sets = await read_value_sets(db, context.account.id, [lines[place].fields for place in places])
    read = list(zip(places, value_sets, strict=True))
    wrong = {place: each for place, each in read if isinstance(each, BadParameters)}
    return {place: each for place, each in read if not isinstance(each, BadParameters)}, wrong


def _counted_once(outcomes: Iterable[FanOutcome]) -> Iterator[FanOutcome]:
    """Yield the outcomes of a batch: of several lines of a new fan only the first created it."""
    created: set[int | None] = set()
    for each in outcomes:
        yield msgspec.structs.replace(each, is_created=False) if each.fan_id in created else each
        if each.is_created:
            created.add(each.fan_id)


class ErasedSince(Conflict):
    """The fan of this row was erased after the file was uploaded"""


async def _erased(db: Db, people: Sequence[Person], context: ImportContext) -> set[int]:
    """Return the places of the persons who were erased after the upload: what the file has of them ends too."""
    since = context.erasures_since or context.uploaded_at
    # Asked first, since hardly ever anybody was.
    if not await db.value(HAS_ERASED, context.account.id, since):
        return set()
    return {place for place, _ in await erased_identifiers(db, context.account.id, identifiers(people), since)}


async def erased_identifiers(
    db: Db, account_id: int, keys: tuple[list[int], list[str], list[str]], since: datetime
) -> set[tuple[int, str]]:
    """Return the places and networks of identifiers of people who were erased since then.

    `keys` are a place, a network and a value for each identifier.
    """
    if not await db.value(HAS_ERASED, account_id, since):
        return set()
    rows = await db.rows(ERASED, account_id, since, *keys)
    return {(row["place"], row["network"]) for row in rows}


HAS_ERASED = "select exists (select from erased_identities where account_id = $1 and erased_at >= $2)"
ERASED = """
    select i.place, i.network
    from unnest($3::integer[], $4::text[], $5::text[]) as i (place, network, identifier_value)
    cross join erasure_keys k
    join erased_identities e on e.account_id = $1
        and e.identity_hash = identity_hash(k.hash_key, i.network, i.identifier_value)
    where k.account_id = $1 and e.erased_at >= $2
"""


async def _find(db: Db, people: Sequence[Person], context: ImportContext) -> list[Record | None]:
    """Return for each person the fan, whether it was created by this person, and the refused opt-ins.

    None for a person who was erased after the upload.
    """
    result: list[Record | None] = []
    ready = context.ready if context.ready and context.ready.is_of(people) else ready_people(people)
    for batch in ready.batches:
        rows = await _find_batch(db, batch, context)
        if rows is None:
            result += await _find_others(db, people[len(result) : len(result) + len(batch.places)], context)
            continue
        context.own_positions.extend(row["update_position"] for row in rows if row["update_position"] is not None)
        result += [rows[place] for place in batch.places]
    return result


async def _find_batch(db: Db, batch: ReadyBatch, context: ImportContext) -> list[Record] | None:
    """Return the row of each person of a batch; None, and nothing is written, if one was erased after the upload."""
    named = {**batch.arguments, "now": context.now, "source": context.source, "uploaded_at": context.uploaded_at}
    attempts = count()

    async def write(tx: Db) -> list[Record] | None:
        find = statement(FIND, batch.people, next(attempts))
        matches = await _lock_found(tx, context.account.id, batch)
        # Asked only now: who is there is locked, and who is not may have been erased since the lines were looked at.
        if await _erased(tx, batch.people, context):
            return None
        return await tx.rows(find, context.account.id, **named, **matches)

    return await db.retry_conflicts(write)


async def _find_others(db: Db, people: Sequence[Person], context: ImportContext) -> list[Record | None]:
    """Do what `_find` does for persons of whom some were erased meanwhile."""
    erased = await _erased(db, people, context)
    places = [place for place in range(len(people)) if place not in erased]
    rows = dict(zip(places, await _find(db, [people[place] for place in places], context), strict=True))
    return [rows.get(place) for place in range(len(people))]


async def _lock_found(db: Db, account_id: int, batch: ReadyBatch) -> dict[str, object]:
    """Lock the fans of persons, and return the arguments of FIND with the identifiers that have one."""
    people = batch.people
    rows = await db.rows(LOCKS[batch.has_yes], account_id, *batch.keys)
    mails, phones = ([row["place"] for row in rows if row["network"] == network] for network in ("email", "phone"))
    return {
        **FOUND_MAILS.arguments([{"place": each, "mail_key": people[each].mail_key} for each in mails]),
        **FOUND_PHONES.arguments(
            [{"place": each, "phone": people[each].phone, "mail_key": people[each].mail_key} for each in phones]
        ),
    }


def _outcome(row: Record | None, profile: Person) -> FanOutcome:
    """Return what became of a line; several of a person share the row, and each has the opt-ins that it names."""
    if row is None:
        return FanOutcome(None, refusal=ErasedSince())
    yeses = row["refused_yeses"]
    refused_count = bool(yeses & 1 and profile.is_subscribed) + bool(yeses & 2 and profile.is_phone_subscribed)
    return FanOutcome(row["fan_id"], row["is_created"], refused_count)


async def _import_one(db: Db, line: FanLine, rest: FanChanges, context: ImportContext) -> FanOutcome:
    try:
        async with db.transaction() as tx:
            (row,) = await _find(tx, [line.profile], context)
            if row is None:
                return _outcome(row, line.profile)
            changes = msgspec.structs.replace(rest, fan_id=row["fan_id"])
            await import_changes(tx, changes, context, is_undated=False)
            return _outcome(row, line.profile)
    except Unavailable:
        raise
    except Refusal as refusal:
        return FanOutcome(None, refusal=refusal)


async def import_changes(db: Db, changes: FanChanges, context: ImportContext, *, is_undated: bool) -> int:
    """Fill the empty fields of a fan and record its consents; return the number of opt-ins that were left out.

    Part of the caller's transaction. With `is_undated` nobody knows when the consents were given.
    """
    request, refused = await _without_overrides(db, context.account.id, changes)
    change = await prepare_change(db, context.account, request, context.source, fills=True)
    change = Change(request, None, change.source, fills=True, is_undated=is_undated)
    await write_change(db, context.account, change, context.now)
    return refused


async def _without_overrides(db: Db, account_id: int, request: FanChanges) -> tuple[FanChanges, int]:
    """Return a request without the opt-ins that would override a no of the fan, and the number of these."""
    entries = consent_entries(request.is_subscribed, request.is_phone_subscribed, request.is_optout, request.businesses)
    if not any(each.is_granted for each in entries) or request.consent_timestamp is None:
        return request, 0
    # Locked, so that no other consent of this fan comes between.
    await db.execute(
        "select from fans where account_id = $1 and fan_id = $2 for no key update", account_id, request.fan_id
    )
    state = await consent_state(db, account_id, request.fan_id)
    overrides = [each for each in entries if state.would_override(each, request.consent_timestamp)]
    fields: dict[str, Any] = {FLAGS[each.channel]: None for each in overrides if each.channel in FLAGS}
    refused_ids = {each.business_id for each in overrides}
    businesses = {key: flag for key, flag in (request.businesses or {}).items() if int(key) not in refused_ids}
    return msgspec.structs.replace(request, **fields, businesses=businesses or None), len(overrides)
