"""Fans, from the feed of changed fans: found or created as by an import, so that no yes there overrides a no."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from fanfare.fans.actions.fans import change_fan
from fanfare.fans.actions.importing import ErasedSince, FanLine, ImportContext, fan_line, import_fans
from fanfare.fans.actions.nameless import create_nameless
from fanfare.fans.queries.fans import fans_by_ids
from fanfare.fans.schemas.fans import Fan, FanChanges, NewFan
from fanfare.fans.topics import FAN_UPDATED
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.errors import Refusal
from fanfare.moving.actions.counts import fan_count
from fanfare.moving.actions.erasures import EVER, keep_out
from fanfare.moving.actions.rows import attempts, earlier, picked, saved
from fanfare.moving.actions.state import UNDOCUMENTED, Move, Table, erased_fans, fan_ids, id_there, remember
from fanfare.moving.gateways import RefusedCall
from fanfare.moving.schemas import FANS, Outcome, Page, Row, params_of

SOURCE = "moved from the original service"
PLAIN = (
    "first_name", "last_name", "email", "phone", "birth_date", "gender", "country_code", "province", "city",
    "postal_code", "ip_address", "latitude", "longitude", "display_name", "image_url",
)  # fmt: skip
# Sent only if true: false says nothing.
MARKS = ("is_confirmed", "is_phone_confirmed", "is_optout")
# Flags of consents, each with what is stored when a fan ever said yes or no.
FLAGS = {"is_subscribed": "email_word_at", "is_phone_subscribed": "phone_word_at"}
COMPARED = (
    "first_name", "last_name", "email", "phone", "add_phone", "birth_date", "gender", "country_code", "province",
    "city", "postal_code", "display_name", "is_subscribed", "is_phone_subscribed", "is_optout", "is_confirmed",
    "is_phone_confirmed",
)  # fmt: skip
NOT_FOUND = 404


async def read_fans(move: Move, cursor: str | None) -> Page:
    """Return the next fans of the feed."""
    answer = await move.source.get("/api/v1/crm/fans/latest", min_time_key=cursor)
    rows = answer["data"]
    # Without a key the other fans would be missing and nobody would know.
    key = str(answer["meta"]["max_fan_time_key"]) if rows else cursor
    return Page(rows, key if rows and key != cursor else None, key)


async def write_fans(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Write fans; of several states of one in a page the last one. Whoever was erased here is left out."""
    all_rows = {id_there(row["fan_id"]): row for row in rows}
    outcomes = {key: Outcome(str(key)) for key in all_rows}
    erased = await erased_fans(move, db, all_rows)
    by_id = {key: row for key, row in all_rows.items() if key not in erased}
    for key in erased:
        _leave_out(outcomes[key])
    ids = await fan_ids(move, db, by_id)
    present = await _present(move, db, ids)
    context = ImportContext(move.account, SOURCE, move.started_at, move.now(), EVER)
    lines = {key: _line(move, row, outcomes[key], present.get(key)) for key, row in by_id.items()}
    named = {key: line for key, line in lines.items() if line is not None}
    results = await import_fans(db, list(named.values()), context)
    for key, result in zip(named, results, strict=True):
        if result.refusal is None:
            outcomes[key].own_id = str(result.fan_id)
            _note_refused(outcomes[key], result.refused_count)
        else:
            await _write_again(move, db, by_id[key], outcomes[key], result.refusal)
    for key, row in by_id.items():
        if key not in named:
            await _write_nameless(move, db, row, outcomes[key], present.get(key))
    await keep_out(move, db, [row for key, row in all_rows.items() if outcomes[key].is_erased])
    await _complete(move, db, by_id, outcomes)
    await _note_merges(move, db, by_id, outcomes)
    return list(outcomes.values())


async def _note_merges(move: Move, db: Db, rows: dict[int, Row], outcomes: dict[int, Outcome]) -> None:
    """Note fans who are several here and one there: a move merges nobody, since that could not be undone there."""
    merged_ids = {key: [id_there(each) for each in row.get("merged_fan_ids") or ()] for key, row in rows.items()}
    fans = await fan_ids(move, db, [each for ids in merged_ids.values() for each in ids])
    for key, ids in merged_ids.items():
        if {str(fans[each]) for each in ids if fans.get(each) is not None} - {outcomes[key].own_id}:
            outcomes[key].note(
                "is more than one fan here: others were merged into this one there since they were moved"
            )


def _leave_out(outcome: Outcome) -> None:
    outcome.note("was erased here")
    outcome.is_erased = True


class Present(msgspec.Struct, frozen=True):
    """A fan here, and what the fan has said."""

    fan: Fan
    word: Record

    def has(self, flag: str, *, value: bool) -> bool:
        """Return whether a consent is here: a false flag is a no only when the fan said so."""
        return getattr(self.fan, flag) == value and self.word[FLAGS[flag]] is not None


async def _present(move: Move, db: Db, ids: dict[int, int | None]) -> dict[int, Present]:
    """Return the fans here by their ids there, as they were before this page."""
    numbers = [fan_id for fan_id in ids.values() if fan_id is not None]
    words = await db.rows(
        """
        select fan_id, email_word_at, phone_word_at from fans
        where account_id = $1 and fan_id = any($2::bigint[]) for no key update
        """,
        move.account.id,
        numbers,
    )
    by_id = {row["fan_id"]: row for row in words}
    fans = {
        fan.fan_id: Present(fan, by_id[fan.fan_id])
        for fan in await fans_by_ids(db, move.account.id, numbers)
        if fan.fan_id in by_id
    }
    return {key: fans[fan_id] for key, fan_id in ids.items() if fan_id in fans}


def _fields(row: Row, present: Present | None) -> dict[str, Any]:
    """Return the parameters of a fan; a consent that is here already is not written again."""
    fields = picked(row, *PLAIN)
    fields |= {name: True for name in MARKS if row.get(name) is True and not (present and getattr(present.fan, name))}
    fields |= {
        name: row[name]
        for name in FLAGS
        if isinstance(row.get(name), bool) and not (present and present.has(name, value=row[name]))
    }
    custom = (str(each).partition("=") for each in row.get("fields") or ())
    fields |= {f"field_{key}": value for key, _, value in custom if key and value}
    if row.get("fan_source"):
        fields["fan_source"] = row["fan_source"]
    if not fields.get("country_code"):
        fields = {name: value for name, value in fields.items() if name not in ("province", "city", "postal_code")}
    return fields


def _line(move: Move, row: Row, outcome: Outcome, present: Present | None) -> FanLine | None:
    """Return the line of a fan, without what cannot be read; None for one without address and number."""
    fields = _fields(row, present)
    lost = [name for name in ("province", "city", "postal_code") if row.get(name) and name not in fields]
    for name in lost:
        outcome.note(f"{name}: is only stored together with country_code")
    if present and not (fields.get("email") or fields.get("phone")):
        return None
    # When the consents were said at the latest: a no counts from then, a yes is older than every no.
    said_at = earlier(move.now(), row.get("last_update_timestamp"), row.get("creation_timestamp"))
    context = ImportContext(move.account, SOURCE, said_at, move.now())
    for values, refuse in attempts(outcome, fields):
        if not (values.get("email") or values.get("phone")):
            return None
        try:
            return _dated(fan_line(params_of(NewFan, values), context), said_at)
        except Refusal as refusal:
            refuse(refusal)
    return None


def _dated(line: FanLine, said_at: datetime) -> FanLine:
    """Return a line whose noes were said at a time; its yeses have none."""
    profile = line.profile
    times = {
        "mail_consent_at": said_at if profile.is_subscribed is False else None,
        "phone_consent_at": said_at if profile.is_phone_subscribed is False else None,
    }
    return msgspec.structs.replace(line, profile=msgspec.structs.replace(profile, **times))


async def _write_again(move: Move, db: Db, row: Row, outcome: Outcome, refusal: Refusal) -> None:
    """Write a fan who was refused without the fields that are the reason; an erased one is left out."""
    context = ImportContext(move.account, SOURCE, move.started_at, move.now(), EVER)
    fields = dict(row)
    while True:
        if isinstance(refusal, ErasedSince):
            _leave_out(outcome)
            return
        # A display name is unique: that of a fan here stays.
        names = {name for name, _ in getattr(refusal, "errors", [])} or {"display_name"}
        names = {name for name in names if fields.get(name) or name.startswith("field_")}
        outcome.note(refusal.detail)
        if not names:
            return
        fields = {name: value for name, value in fields.items() if name not in names}
        custom = [each for each in fields.get("fields") or () if f"field_{str(each).partition('=')[0]}" not in names]
        if len(custom) == len(fields.get("fields") or ()) and all(name.startswith("field_") for name in names):
            return
        fields["fields"] = custom
        line = _line(move, fields, outcome, None)
        if line is None:
            return
        (result,) = await import_fans(db, [line], context)
        if result.refusal is None:
            outcome.own_id = str(result.fan_id)
            _note_refused(outcome, result.refused_count)
            return
        refusal = result.refusal


def _note_refused(outcome: Outcome, count: int) -> None:
    if count:
        outcome.note("opt-in left out: the fan said no here")


async def _write_nameless(move: Move, db: Db, row: Row, outcome: Outcome, present: Present | None) -> None:
    """Write a fan who has neither address nor number."""
    if present is None:
        address = row.get("ip_address")
        fan_id = await create_nameless(
            db, move.account.id, move.now(), source=str(row.get("fan_source") or SOURCE), address=address
        )
    else:
        fan_id = present.fan.fan_id
    outcome.own_id = str(fan_id)
    contact_fields = ("email", "phone", "is_subscribed", "is_phone_subscribed", "is_confirmed", "is_phone_confirmed")
    fields = {
        name: value
        for name, value in _fields(row, present).items()
        if (name not in contact_fields and name in FanChanges.__struct_fields__) or name.startswith("field_")
    }

    async def change(tx: Db, changes: FanChanges) -> int:
        await change_fan(tx, move.account, changes, move.now(), source=SOURCE)
        return fan_id

    if fields:
        await saved(db, FanChanges, {**fields, "fan_id": fan_id}, outcome, change)


# Two fans there can be one here: the older time counts. Whoever follows the change log reads the fan again.
COMPLETE = f"""
    with {HOLD},
    moved as materialized (
        select fan_id, min(created_at) as created_at, min(metro_area) as metro_area
        from unnest($2::bigint[], $3::timestamptz[], $4::text[]) as g (fan_id, created_at, metro_area)
        group by fan_id
    ),
    completed as materialized (
        select f.fan_id, least(f.created_at, g.created_at) as created_at,
               coalesce(f.metro_area, g.metro_area) as metro_area,
               array_remove(array[
                   case when g.created_at < f.created_at then 'created_at' end,
                   case when f.metro_area is null and g.metro_area is not null then 'metro_area' end], null) as fields
        from hold cross join moved g join fans f on f.account_id = $1 and f.fan_id = g.fan_id
        where (least(f.created_at, g.created_at), coalesce(f.metro_area, g.metro_area))
              is distinct from (f.created_at, f.metro_area)
        order by f.fan_id
        for no key update of f
    ),
    updated as (
        update fans f
        set created_at = c.created_at, metro_area = c.metro_area, position = nextval('positions'),
            updated_at = greatest($5, f.updated_at + interval '1 millisecond')
        from completed c
        where f.account_id = $1 and f.fan_id = c.fan_id
        returning f.fan_id, f.position, f.updated_at, c.fields
    )
    {announce(FAN_UPDATED, "updated", position="position", at="updated_at", fields="fields")}
"""  # noqa: S608 - fixed parts


async def _complete(move: Move, db: Db, rows: dict[int, Row], outcomes: dict[int, Outcome]) -> None:
    """Write what an import does not, and compare the fans here with those there."""
    written = {key: int(each.own_id) for key, each in outcomes.items() if each.own_id is not None}
    for key, fan_id in written.items():
        if rows[key].get("add_phone"):
            await _add_phone(move, db, fan_id, str(rows[key]["add_phone"]), outcomes[key])
    await db.execute(
        COMPLETE,
        move.account.id,
        list(written.values()),
        [earlier(move.now(), rows[key].get("creation_timestamp")) for key in written],
        [rows[key].get("metro_area") or None for key in written],
        move.now(),
    )
    fans = {fan.fan_id: fan for fan in await fans_by_ids(db, move.account.id, list(written.values()))}
    counts: dict[int, int] = {}
    for key, fan_id in written.items():
        counts[fan_id] = counts.get(fan_id, 0) + 1
        if counts[fan_id] > 1:
            outcomes[key].note("is the same person here as another fan there: same address or number")
        _compare(rows[key], fans[fan_id], outcomes[key])


async def _add_phone(move: Move, db: Db, fan_id: int, number: str, outcome: Outcome) -> None:
    async def change(tx: Db, changes: FanChanges) -> int:
        await change_fan(tx, move.account, changes, move.now(), source=SOURCE)
        return fan_id

    await saved(db, FanChanges, {"fan_id": fan_id, "add_phone": number}, outcome, change)


def _compare(row: Row, fan: Fan, outcome: Outcome) -> None:
    for name in COMPARED:
        there, here = row.get(name), getattr(fan, name)
        if name in row and (there or None) != (here or None):
            is_refused = name in FLAGS and there and not here
            outcome.note(f"{name} is different here" + (": a no here counts" if is_refused else ""))


async def adopt_fans(move: Move, foreign_ids: list[int]) -> None:
    """Fetch fans by their ids there: those of rows that the feed did not have, such as merged ones."""
    for foreign_id in foreign_ids:
        try:
            row = await move.source.get(f"/api/v1/crm/fans/{foreign_id}")
        except RefusedCall as refused:
            if refused.status != NOT_FOUND:
                raise
            await remember(move, move.db, FANS, [Outcome(str(foreign_id), None, ["is not there any more"])])
            continue
        try:
            await _adopt(move, foreign_id, row)
        except UNDOCUMENTED as error:
            note = f"is not what the API documents: {type(error).__name__}"
            await remember(move, move.db, FANS, [Outcome(str(foreign_id), None, [note])])


async def _adopt(move: Move, foreign_id: int, row: Row) -> None:
    """Write a fan who was asked for by an id, which may be that of one who was merged into this fan."""
    async with move.db.transaction() as tx:
        current = id_there(row["fan_id"])
        (outcome,) = await write_fans(move, tx, [row])
        await remember(move, tx, FANS, [outcome])
        if current != foreign_id:
            merged = Outcome(str(foreign_id), outcome.own_id, ["was merged there"], outcome.is_erased)
            await remember(move, tx, FANS, [merged])


TABLE = Table(
    name=FANS,
    key=lambda row: str(row["fan_id"]),
    read=read_fans,
    write=write_fans,
    here="select fan_id::text from fans where account_id = $1",
    count=fan_count,
    fields=frozenset(
        {*PLAIN, *MARKS, *FLAGS, "fan_id", "fields", "add_phone", "metro_area", "creation_timestamp", "fan_source"}
    ),
    left_out={
        **dict.fromkeys(
            ("name", "account_id", "fan_time_key", "creation_timestamp_iso", "last_update_timestamp_iso"), "is repeated"
        ),
        "last_update_timestamp": "a no counts from it",
        "rating": "is computed here",
        "tags": "are moved as a table of their own",
        "last_page_tab_id": "follows from the activities",
        "last_campaign_name": "follows from the activities",
        "opted_in_business_ids": "are moved as a table of their own",
        "field_values": "are in fields",
        "merged_fan_ids": "are fetched when rows name them",
    },
    has_updates=True,
    continues=True,
)
