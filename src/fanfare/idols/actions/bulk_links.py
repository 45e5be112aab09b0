"""Links many fans to idols at once, with a result for every row."""

import uuid
from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfare.fans.actions.people import Person, find_or_create, person
from fanfare.fans.contact import is_unambiguous_sql
from fanfare.idols.actions.links import find_or_create_idols, link_fans
from fanfare.idols.schemas import FanIdolItem, FanIdolSaved, ManyFanIdolsSaved
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.lines import LineFault, WrongLine, check_lines, line_fault, unstorable_line, write_lines
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import RequestContext
from fanfare.kernel.running.long_inputs import run_by_rows

SOURCE = "crm_idol_fans_create"
FIELD = "idol_fans"


class LinkRow(msgspec.Struct):
    """A row being saved: the request, and its fan and idol when they are found."""

    index: int
    item: FanIdolItem
    profile: Person | None
    fan_id: int | None = None
    idol_uid: uuid.UUID | None = None


async def link_many(
    db: Db, account: Account, lines: Sequence[FanIdolItem | WrongLine], now: datetime
) -> ManyFanIdolsSaved:
    """Link each fan to its idol; invalid rows, and those with an unknown fan or idol, are listed as errors."""
    rows, faults = await run_by_rows(account.id, len(lines), _rows, account, lines, now)

    async def write(part: Sequence[LinkRow]) -> None:
        async with db.transaction() as tx:
            await _link(tx, account.id, list(part), now)

    unstorable = {row.index for row in await write_lines(rows, write)}
    faults += [line_fault(index, unstorable_line(FIELD)) for index in unstorable]
    saved = []
    for row in rows:
        if row.index in unstorable:
            continue
        if row.idol_uid is None:
            faults.append(line_fault(row.index, BadParameters([("idol_uid", "no idol has this uid or name")])))
        elif row.fan_id is None:
            error = BadParameters([("user_key", "no fan has this user_key on this network")])
            faults.append(line_fault(row.index, error))
        else:
            saved.append(FanIdolSaved(row.fan_id, row.idol_uid))
    return ManyFanIdolsSaved(saved, sorted(faults, key=lambda fault: fault.index))


async def _link(db: Db, account_id: int, rows: list[LinkRow], now: datetime) -> None:
    """Find the fans and idols of the rows, set their ids in the rows, and link them."""
    await _find_idols(db, account_id, rows, now)
    await _find_fans(db, account_id, [row for row in rows if row.idol_uid], now)
    complete = [row for row in rows if row.fan_id and row.idol_uid]
    for is_explicit in (True, False):
        pairs = [row for row in complete if (row.item.is_explicit is not False) == is_explicit]
        fan_ids, idol_uids = [row.fan_id or 0 for row in pairs], [row.idol_uid for row in pairs if row.idol_uid]
        await link_fans(db, account_id, fan_ids, idol_uids, now, is_explicit=is_explicit)


def _rows(
    account: Account, lines: Sequence[FanIdolItem | WrongLine], now: datetime
) -> tuple[list[LinkRow], list[LineFault]]:
    return check_lines(
        lines, lambda index, item: LinkRow(index, item, _profile(account, item)), RequestContext(account, now)
    )


def _profile(account: Account, item: FanIdolItem) -> Person | None:
    if not item.email and not item.phone:
        return None
    contact = {"email": item.email, "phone": item.phone}
    return person(contact, home_country=account.country_code, first_name=item.first_name, last_name=item.last_name)


async def _find_idols(db: Db, account_id: int, rows: list[LinkRow], now: datetime) -> None:
    by_name = [row for row in rows if not row.item.idol_uid]
    uids = (
        await find_or_create_idols(db, account_id, [row.item.idol_name or "" for row in by_name], now)
        if by_name
        else []
    )
    for row, idol_uid in zip(by_name, uids, strict=True):
        row.idol_uid = idol_uid
    idol_uids = [row.item.idol_uid for row in rows if row.item.idol_uid]
    records = await db.rows(
        "select idol_uid from idols where account_id = $1 and idol_uid = any($2::uuid[]) order by idol_uid"
        " for key share",
        account_id,
        idol_uids,
    )
    existing = {each["idol_uid"] for each in records}
    for row in rows:
        if row.item.idol_uid in existing:
            row.idol_uid = row.item.idol_uid


async def _find_fans(db: Db, account_id: int, rows: list[LinkRow], now: datetime) -> None:
    with_profile = [row for row in rows if row.profile]
    fan_ids = await find_or_create(
        db, account_id, [row.profile for row in with_profile if row.profile], now, source=SOURCE
    )
    for row, fan_id in zip(with_profile, fan_ids, strict=True):
        row.fan_id = fan_id
    with_key = [row for row in rows if not row.profile]
    records = await db.rows(
        f"""
        select k.place, i.fan_id
        from unnest($2::text[], $3::text[]) with ordinality as k (network, user_key, place)
        join fan_identifiers i
          on i.account_id = $1 and i.network = fold_text(k.network) and i.identifier_value = k.user_key
         and {is_unambiguous_sql("i")}
        """,  # noqa: S608 - fixed parts
        account_id,
        [row.item.network for row in with_key],
        [row.item.user_key for row in with_key],
    )
    for each in records:
        with_key[each["place"] - 1].fan_id = each["fan_id"]
