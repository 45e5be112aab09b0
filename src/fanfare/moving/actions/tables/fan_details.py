"""What fans have: opt-ins to businesses, identifiers, and idols that they follow."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime

from fanfare.fans.actions.identifiers import add_identifier
from fanfare.fans.actions.importing import ImportContext, erased_identifiers, import_changes
from fanfare.fans.contact import mail_key, phone_number
from fanfare.fans.schemas.attributes import IdentifierChange
from fanfare.fans.schemas.fans import FanChanges
from fanfare.idols.actions.links import change_fan_idol
from fanfare.idols.schemas import FanIdolChange
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Refusal, Unavailable
from fanfare.moving.actions.erasures import EVER
from fanfare.moving.actions.rows import earlier, saved
from fanfare.moving.actions.state import Move, Table, fan_ids, id_there, own_ids
from fanfare.moving.actions.tables.fans import SOURCE
from fanfare.moving.actions.windows import last_day
from fanfare.moving.gateways import RefusedCall
from fanfare.moving.schemas import Outcome, Page, Row

# Fans of a page whose details are fetched, and calls at the same time.
FANS_OF_PAGE, CALLS = 100, 8
SEARCH_ROWS, MAX_ROWS = 999, 1_000_000
NOT_FOUND = 404


async def read_opt_ins(move: Move, cursor: str | None) -> Page:
    """Return the next fans of a search with their businesses; the cursor is the month of their creation and the search.

    A search has at most 1,000,000 fans, so each month has its own. A source forgets where a search was when a command
    ends, so a move continues at the begin of the month.
    """
    if cursor is None:
        first = await _first_month(move)
        return await read_opt_ins(move, f"{first:%Y-%m}|") if first else Page([], None)
    month, _, search_uid = cursor.partition("|")
    begin, end = date.fromisoformat(f"{month}-01"), _next_month(date.fromisoformat(f"{month}-01"))
    answer = await move.source.get(
        "/api/v1/crm/fans",
        include_business_opt_ins="true",
        limit=SEARCH_ROWS,
        max_count=MAX_ROWS,
        fan_start_creation_date=begin,
        fan_end_creation_date=date.fromordinal(end.toordinal() - 1),
        search_uid=search_uid or None,
    )
    if answer["data"]:
        return Page(answer["data"], f"{month}|{answer['meta']['search_uid']}", f"{month}|")
    # The day of the source may be tomorrow's here.
    following = None if end > last_day(move) else f"{end:%Y-%m}|"
    return Page(answer["data"], following, following)


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


async def _first_month(move: Move) -> date | None:
    moment = await move.db.value(
        """
        select min(f.created_at) from moved_fans m join fans f on f.account_id = $1 and f.fan_id = m.fan_id
        where m.account_id = $1 and m.move_id = $2
        """,
        move.account.id,
        move.move_id,
    )
    # A day earlier: the source has a time zone of its own.
    return None if moment is None else date.fromordinal(moment.date().toordinal() - 1).replace(day=1)


# Opt-ins of this move to businesses of the source, which the source has no more, and of which nobody said more.
ENDED = """
    select b.business_id from fan_businesses b
    where b.account_id = $1 and b.fan_id = $2 and b.is_opted_in and b.business_id <> all($3::bigint[])
      and exists (
          select from moved_rows m
          where m.account_id = $1 and m.move_id = $4 and m.table_name = 'businesses' and m.own_id = b.business_id::text)
      and exists (
          select from consents c where c.account_id = $1 and c.fan_id = $2 and c.business_id = b.business_id
            and c.is_granted and c.consent_source = $5)
      and not exists (
          select from consents c where c.account_id = $1 and c.fan_id = $2 and c.business_id = b.business_id
            and c.is_granted and (c.consent_source is distinct from $5 or not c.is_undated))
"""


async def write_opt_ins(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Write opt-ins to businesses: yeses without a time, and noes where an opt-in of this move has ended there."""
    fans = await fan_ids(move, db, [row["fan_id"] for row in rows])
    named = {each for row in rows for each in row.get("opted_in_business_ids") or ()}
    businesses = await own_ids(move, db, "businesses", named)
    outcomes = []
    for row in rows:
        outcome = Outcome(str(row["fan_id"]))
        outcomes.append(outcome)
        fan_id = fans.get(id_there(row["fan_id"]))
        if fan_id is None:
            outcome.note("the fan is not here")
            continue
        outcome.own_id = str(fan_id)
        if not isinstance(row.get("opted_in_business_ids"), list):
            outcome.note("the source does not tell the businesses of this fan")
            continue
        ids = [int(number) for each in row.get("opted_in_business_ids") or () if (number := businesses.get(str(each)))]
        await _write_opt_ins(move, db, fan_id, ids, outcome)
    return outcomes


async def _write_opt_ins(move: Move, db: Db, fan_id: int, ids: list[int], outcome: Outcome) -> None:
    granted = await db.rows(
        "select business_id from fan_businesses where account_id = $1 and fan_id = $2 and is_opted_in",
        move.account.id,
        fan_id,
    )
    present = {row["business_id"] for row in granted}
    flags = {str(each): True for each in ids if each not in present}
    ended = await db.rows(ENDED, move.account.id, fan_id, ids, move.move_id, SOURCE)
    flags |= {str(row["business_id"]): False for row in ended}
    if not flags:
        return
    context = ImportContext(move.account, SOURCE, move.now(), move.now())
    request = FanChanges(fan_id=fan_id, businesses=flags, consent_timestamp=move.now())
    try:
        async with db.transaction() as tx:
            if await import_changes(tx, request, context, is_undated=True):
                outcome.note("opt-in left out: the fan said no here")
    except Refusal as refusal:
        outcome.note(refusal.detail)


def _of_each_fan(path: str) -> Callable[[Move, str | None], Awaitable[Page]]:
    """Return what reads a list of each fan; the cursor is the id of a fan there."""

    async def read(move: Move, cursor: str | None) -> Page:
        rows = await move.db.rows(
            """
            select foreign_id from moved_fans
            where account_id = $1 and move_id = $2 and foreign_id > $3 and fan_id is not null
            order by foreign_id limit $4
            """,
            move.account.id,
            move.move_id,
            int(cursor or 0),
            FANS_OF_PAGE,
        )
        ids = [row["foreign_id"] for row in rows]
        turn = asyncio.Semaphore(CALLS)

        async def fetch(fan_id: int) -> list[Row]:
            async with turn:
                try:
                    answer = await move.source.get(f"/api/v1/crm/fans/{fan_id}/{path}")
                except RefusedCall as refused:
                    if refused.status == NOT_FOUND:
                        return []
                    raise
            return [{**row, "fan_id": fan_id} for row in answer]

        pages = await asyncio.gather(*map(fetch, ids))
        return Page([row for page in pages for row in page], str(ids[-1]) if len(ids) == FANS_OF_PAGE else None)

    return read


def identifier_key(row: Row) -> str:
    """Return the key of an identifier, which does not tell it."""
    value = hashlib.sha256(str(row["identifier_value"]).encode()).hexdigest()[:32]
    return f"{row['fan_id']}:{row['network']}:{value}"


async def write_identifiers(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Add identifiers; addresses and numbers are those of the fans already."""
    fans = await fan_ids(move, db, [row["fan_id"] for row in rows])
    outcomes = []
    for row in rows:
        outcome = Outcome(identifier_key(row))
        fan_id = fans.get(id_there(row["fan_id"]))
        outcomes.append(outcome)
        if fan_id is None:
            outcome.note("the fan is not here")
        elif row["network"] in ("email", "phone"):
            await _find_contact(move, db, row, fan_id, outcome)
        else:
            fields = {"fan_id": fan_id, "network": row["network"], "identifier_value": row["identifier_value"]}

            async def add(tx: Db, change: IdentifierChange, row: Row = row) -> int:
                await add_identifier(tx, move.account.id, change, earlier(move.now(), row.get("creation_timestamp")))
                return change.fan_id

            await saved(db, IdentifierChange, fields, outcome, add)
    return outcomes


async def _find_contact(move: Move, db: Db, row: Row, fan_id: int, outcome: Outcome) -> None:
    """Find an address or number of a fan; one that the fan has beside the own one, as after a merge there, is added."""
    added_at = earlier(move.now(), row.get("creation_timestamp"))
    key = _contact_key(move, row["network"], str(row["identifier_value"]))
    if key is None:
        outcome.note("cannot be read")
        return
    # As old as there: the age of a contact says which others were added to it.
    exists = await db.value(
        """
        update fan_identifiers set created_at = least(created_at, $5)
        where account_id = $1 and fan_id = $2 and network = $3 and identifier_value = $4
        returning true
        """,
        move.account.id,
        fan_id,
        row["network"],
        key,
        added_at,
    )
    if exists or await _add_contact(move, db, IdentifierChange(fan_id, row["network"], key), added_at, outcome):
        outcome.own_id = str(fan_id)


async def _add_contact(move: Move, db: Db, change: IdentifierChange, added_at: datetime, outcome: Outcome) -> bool:
    """Return whether an address or number now leads to a fan."""
    if await erased_identifiers(db, move.account.id, ([0], [change.network], [change.identifier_value]), EVER):
        outcome.note("is of a person who was erased here")
        return False
    try:
        async with db.transaction() as tx:
            await add_identifier(tx, move.account.id, change, added_at)
    except Unavailable:
        raise
    except Refusal:
        outcome.note("another fan has this address or number here")
        return False
    return True


def _contact_key(move: Move, network: str, value: str) -> str | None:
    """Return an address or number as it is stored, None for what is none."""
    try:
        return mail_key(value) if network == "email" else phone_number(value, move.account.country_code)
    except ValueError:
        return None


async def write_fan_idols(move: Move, db: Db, rows: Sequence[Row]) -> list[Outcome]:
    """Link fans to idols."""
    fans = await fan_ids(move, db, [row["fan_id"] for row in rows])
    idols = await own_ids(move, db, "idols", [row["idol_uid"] for row in rows])
    outcomes = []
    for row in rows:
        outcome = Outcome(f"{row['fan_id']}:{row['idol_uid']}")
        outcomes.append(outcome)
        fan_id, idol_uid = fans.get(id_there(row["fan_id"])), idols.get(str(row["idol_uid"]))
        if fan_id is None or idol_uid is None:
            outcome.note("the fan or the idol is not here")
            continue

        async def link(tx: Db, change: FanIdolChange, row: Row = row) -> str:
            moment = earlier(move.now(), row.get("creation_timestamp"))
            return str(await change_fan_idol(tx, move.account.id, change, moment))

        fields = {"fan_id": fan_id, "action": "add", "idol_uid": idol_uid, "is_explicit": row.get("is_explicit")}
        await saved(db, FanIdolChange, fields, outcome, link)
    return outcomes


# Also fans who were merged here into one who is here.
FANS_HERE = """
    select fan_id::text from fans where account_id = $1
    union all
    select m.absorbed_id::text from fan_merges m join fans f on f.account_id = $1 and f.fan_id = m.fan_id
    where m.account_id = $1 and m.undone_at is null
"""
IN_FANS = (
    "account_id", "name", "first_name", "last_name", "email", "province", "latitude", "longitude", "creation_timestamp",
    "ip_address", "country_code", "city", "is_subscribed", "is_phone_subscribed", "rating", "phone", "birth_date",
    "metro_area", "postal_code", "fields", "gender", "tags", "last_page_tab_id", "last_campaign_name", "field_values",
)  # fmt: skip
OPT_INS = Table(
    name="business_opt_ins",
    key=lambda row: str(row["fan_id"]),
    read=read_opt_ins,
    write=write_opt_ins,
    here=FANS_HERE,
    fields=frozenset({"fan_id", "opted_in_business_ids"}),
    left_out=dict.fromkeys(IN_FANS, "is in fans"),
    has_updates=True,
    fan_fields=("fan_id",),
)
IDENTIFIERS = Table(
    name="identifiers",
    key=identifier_key,
    read=_of_each_fan("identifiers"),
    write=write_identifiers,
    here=FANS_HERE,
    fields=frozenset({"fan_id", "network", "identifier_value", "creation_timestamp"}),
    left_out=dict.fromkeys(("account_id", "creation_timestamp_iso"), "is repeated"),
)
FAN_IDOLS = Table(
    name="fan_idols",
    key=lambda row: f"{row['fan_id']}:{row['idol_uid']}",
    read=_of_each_fan("idols"),
    write=write_fan_idols,
    here="select idol_uid::text from idols where account_id = $1",
    fields=frozenset({"fan_id", "idol_uid", "is_explicit", "creation_timestamp"}),
    left_out={
        **dict.fromkeys(("account_id", "idol_name", "idol_type", "description", "idol_labels"), "is in idols"),
        "last_update_timestamp": "is computed here",
    },
)
