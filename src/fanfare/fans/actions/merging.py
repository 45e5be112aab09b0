"""Makes two fans one, and parts them again.

All that is kept of the absorbed fan goes to the one who stays, in one transaction and by the followers of every domain;
the absorbed fan's row goes, and its id leads to the other. What moved is noted (`journal`), so that it can go back.
"""

from datetime import datetime
from typing import Any

from fanfare.fans import followers
from fanfare.fans.actions import journal
from fanfare.fans.actions.claims import claim
from fanfare.fans.actions.consents import refold
from fanfare.fans.actions.journal import Pair
from fanfare.fans.actions.people import Person
from fanfare.fans.contact import identities, mail_key
from fanfare.fans.queries.merges import merge, successors
from fanfare.fans.schemas.merges import Merge, MergeOther
from fanfare.fans.topics import FAN_MERGED, FAN_UNMERGED, FAN_UPDATED
from fanfare.kernel.data.announcements import announce, hold
from fanfare.kernel.data.db import RACES, Db, Record
from fanfare.kernel.data.updates import assignments
from fanfare.kernel.errors import Conflict, Unavailable, Unknown

Row = dict[str, Any]

# What is filled together or not at all, and goes back together or not at all.
GROUPS = (
    ("country_code", "province", "city", "postal_code", "metro_area", "latitude", "longitude"),
    ("email", "is_confirmed"),
    ("phone", "is_phone_confirmed"),
)
# What follows from the ledger.
FOLDED = ("is_subscribed", "is_phone_subscribed", "is_optout", "email_word_at", "phone_word_at", "optout_word_at")
# Not filled from the absorbed fan: what each row has of its own, and what follows from other rows.
OWN = frozenset({"account_id", "fan_id", "position", "updated_at", "search_text", *FOLDED, *sum(GROUPS, ())})


class MergedSince(Conflict):
    """A later merge into this fan must be undone first"""


async def merge_fans(db: Db, account_id: int, wanted: MergeOther, now: datetime, *, source: str) -> Merge:
    """Make two fans one and return the merge; of two who are one already, the merge that made them so.

    Old ids are followed. Refuses (404) who is not there.
    """

    async def write(tried: Db) -> int:
        async with tried.transaction() as held:
            return await _merge(held, account_id, (wanted.fan_id, wanted.merged_fan_id), now, source)

    return await merge(db, account_id, await db.racing(write))


async def _merge(db: Db, account_id: int, fan_ids: tuple[int, int], now: datetime, source: str) -> int:
    await hold(db, account_id)
    fan_id, absorbed_id = await _both(db, account_id, fan_ids)
    if fan_id == absorbed_id:
        return await _merged_already(db, account_id, fan_ids)
    merge_id: int = await db.value("select nextval('positions')")
    pair = Pair(account_id, merge_id, absorbed_id, fan_id)
    known = await journal.shapes(db)
    await _begin(db, pair, now, source)
    await journal.note_before(db, known, pair)
    images = await _images(db, account_id, [fan_id, absorbed_id])
    await followers.move(db, account_id, absorbed_id, fan_id)
    await db.execute("delete from fans where account_id = $1 and fan_id = $2", account_id, absorbed_id)
    filled = _filled(images[fan_id], images[absorbed_id])
    columns, _ = await refold(db, account_id, fan_id)
    filled |= columns
    await _write(db, pair, known, {name: value for name, value in filled.items() if value != images[fan_id][name]}, now)
    await journal.note_after(db, known, pair)
    return merge_id


async def _both(db: Db, account_id: int, fan_ids: tuple[int, int]) -> tuple[int, int]:
    """Lock both fans, always the older first, and return their present ids; one id when they are one already."""
    for _ in range(RACES):
        after = await successors(db, account_id, fan_ids)
        one, other = (after.get(each, each) for each in fan_ids)
        if one == other:
            return one, other
        rows = await db.rows(
            "select fan_id from fans where account_id = $1 and fan_id = any($2::bigint[]) order by fan_id for update",
            account_id,
            [one, other],
        )
        if len(rows) == len(fan_ids):
            return one, other
        # Either went away while this waited for its row: into another fan, or for good.
        if await successors(db, account_id, fan_ids) == after:
            raise Unknown(fan=min({one, other} - {row["fan_id"] for row in rows}))
    raise Unavailable


async def _merged_already(db: Db, account_id: int, fan_ids: tuple[int, int]) -> int:
    merge_id: int = await db.value(
        """
        select merge_id from fan_merges
        where account_id = $1 and absorbed_id = any($2::bigint[]) and undone_at is null
        order by absorbed_id = $3 desc, merge_id desc limit 1
        """,
        account_id,
        list(fan_ids),
        fan_ids[1],
    )
    return merge_id


BEGIN = f"""
    with made as (
        insert into fan_merges (account_id, merge_id, absorbed_id, fan_id, merge_source, merged_at)
        values ($1, $2, $3, $4, $6, $5)
        returning account_id, merge_id, absorbed_id, fan_id
    )
    {announce(FAN_MERGED, "made", subject="absorbed_id", fan="$3", position="merge_id", at="$5", into_fan_id="fan_id")}
"""  # noqa: S608 - fixed parts


async def _begin(db: Db, pair: Pair, now: datetime, source: str) -> None:
    await db.execute(
        BEGIN,
        pair.account_id,
        pair.merge_id,
        pair.absorbed_id,
        pair.fan_id,
        now,
        source,
    )


async def _images(db: Db, account_id: int, fan_ids: list[int]) -> dict[int, Row]:
    rows = await db.rows(
        "select f.fan_id, to_jsonb(f) as image from fans f where f.account_id = $1 and f.fan_id = any($2::bigint[])",
        account_id,
        fan_ids,
    )
    return {row["fan_id"]: row["image"] for row in rows}


def _filled(fan: Row, absorbed: Row) -> Row:
    """Return what a fan becomes: own values stay, empty ones are filled."""
    filled = {name: absorbed[name] for name, value in fan.items() if value is None and name not in OWN}
    filled["props"] = {**absorbed["props"], **fan["props"]}
    filled["created_at"] = min(fan["created_at"], absorbed["created_at"], key=datetime.fromisoformat)
    for group in GROUPS:
        if all(not fan[name] for name in group):
            filled |= {name: absorbed[name] for name in group}
    for name, flag, key in (("email", "is_confirmed", mail_key), ("phone", "is_phone_confirmed", str)):
        if fan[name] and absorbed[name] and key(fan[name]) == key(absorbed[name]):
            filled[flag] = fan[flag] or absorbed[flag]
    numbers = [each[name] for each in (fan, absorbed) for name in ("phone", "add_phone") if each[name]]
    if fan["phone"] and fan["add_phone"] is None:
        filled["add_phone"] = next((number for number in numbers if number != fan["phone"]), None)
    return filled


ANNOUNCE_CHANGE = announce(FAN_UPDATED, "made", position="position", at="updated_at", merge_id="$5::bigint")


async def _write(db: Db, pair: Pair, known: list[journal.Shape], changed: Row, now: datetime) -> None:
    """Write the changed columns of the fan who stays, and announce that anything of the fan may have changed."""
    columns = [name for name in known[0].columns if name not in ("fan_id", "position", "updated_at")]
    await db.execute(
        f"""
        with made as (
            update fans f
            set {assignments(columns, "f", "$3")}, position = nextval('positions'),
                updated_at = greatest($4, f.updated_at + interval '1 millisecond')
            where f.account_id = $1 and f.fan_id = $2
            returning f.fan_id, f.position, f.updated_at
        )
        {ANNOUNCE_CHANGE}
        """,  # noqa: S608 - names out of the catalogue
        pair.account_id,
        pair.fan_id,
        changed,
        now,
        pair.merge_id,
    )


async def unmerge_fans(db: Db, account_id: int, wanted: MergeOther, now: datetime) -> Merge:
    """Part two fans and return the merge that is undone.

    What the absorbed fan had goes back; what came or changed since stays. Refuses (404) who were not merged, and (409)
    a merge that is not the last one into the fan.
    """

    async def write(tried: Db) -> int:
        async with tried.transaction() as held:
            return await _unmerge(held, account_id, wanted, now)

    return await merge(db, account_id, await db.racing(write))


async def _unmerge(db: Db, account_id: int, wanted: MergeOther, now: datetime) -> int:
    await hold(db, account_id)
    pair = await _undone(db, account_id, wanted, now)
    known = await journal.shapes(db)
    before, after = await _kept_images(db, pair)
    current = (await _images(db, account_id, [pair.fan_id]))[pair.fan_id]
    reverted = _reverted(before[pair.fan_id], after, current) | _own_mail(before, pair, current)
    await _write(db, pair, known, reverted, now)
    await _make_again(db, pair, known, before[pair.absorbed_id], now)
    await journal.put_back(db, known, pair)
    for fan_id in (pair.absorbed_id, pair.fan_id):
        await _claim(db, account_id, fan_id, now)
        await _set_flags(db, account_id, fan_id)
    await followers.recount(db, account_id, [pair.absorbed_id, pair.fan_id])
    return pair.merge_id


async def _undone(db: Db, account_id: int, wanted: MergeOther, now: datetime) -> Pair:
    """Lock the fan who stayed and mark the merge as undone, or refuse."""
    await db.execute("select from fans where account_id = $1 and fan_id = $2 for update", account_id, wanted.fan_id)
    row = await db.row(
        """
        select m.merge_id, l.absorbed_id as later_id
        from fan_merges m
        left join lateral (
            select absorbed_id from fan_merges
            where account_id = $1 and fan_id = m.fan_id and merge_id > m.merge_id and undone_at is null
            order by merge_id desc limit 1) l on true
        where m.account_id = $1 and m.absorbed_id = $2 and m.fan_id = $3 and m.undone_at is null
        """,
        account_id,
        wanted.merged_fan_id,
        wanted.fan_id,
    )
    if row is None:
        message = "The two fans are not merged, or the merge was undone"
        raise Unknown(message)
    if row["later_id"] is not None:
        message = f"fan {row['later_id']} was merged later and must be unmerged first"
        raise MergedSince(message)
    pair = Pair(account_id, row["merge_id"], wanted.merged_fan_id, wanted.fan_id)
    await db.execute(
        "update fan_merges set undone_at = $3 where account_id = $1 and merge_id = $2", account_id, pair.merge_id, now
    )
    return pair


async def _kept_images(db: Db, pair: Pair) -> tuple[dict[int, Row], Row]:
    """Return both fans' rows as they were, and that of the one who stayed as the merge left it."""
    rows = await db.rows(
        "select row_before, row_after from merged_rows where account_id = $1 and merge_id = $2 and table_name = 'fans'",
        pair.account_id,
        pair.merge_id,
    )
    before = {row["row_before"]["fan_id"]: row["row_before"] for row in rows}
    return before, next(row["row_after"] for row in rows if row["row_after"])


def _reverted(before: Row, after: Row, current: Row) -> Row:
    """Return the columns that the merge changed and nobody since, as they were."""
    changed = {name for name in before if name not in OWN - set(sum(GROUPS, ())) and before[name] != after.get(name)}
    kept = {name for name in changed if current.get(name) != after[name]}
    for group in GROUPS:
        if any(name in group and current.get(name) != after.get(name) for name in before):
            kept.update(group)
    return {name: before[name] for name in changed - kept if name in current}


def _own_mail(before: dict[int, Row], pair: Pair, current: Row) -> Row:
    """Return the address that a fan had before one who gets back the present one: an address is one fan's."""
    theirs = before[pair.absorbed_id]["email"]
    if not (theirs and current["email"] and mail_key(theirs) == mail_key(current["email"])):
        return {}
    return {name: before[pair.fan_id][name] for name in ("email", "is_confirmed")}


ANNOUNCE_PARTING = announce(FAN_UNMERGED, "made", position="position", at="updated_at", from_fan_id="$4::bigint")


async def _make_again(db: Db, pair: Pair, known: list[journal.Shape], row: Row, now: datetime) -> None:
    """Insert the row of the absorbed fan; a display name that somebody took since is that fan's."""
    # A column that is younger than the merge has its default.
    there = [name for name in known[0].columns if name in row]
    columns = ", ".join(name for name in there if name not in ("position", "updated_at", "display_name"))
    await db.execute(
        f"""
        with made as (
            insert into fans (account_id, position, updated_at, display_name, {columns})
            select $1, nextval('positions'), greatest($3, r.updated_at + interval '1 millisecond'),
                   case when not exists (
                       select from fans taken
                       where taken.account_id = $1 and fold_text(taken.display_name) = fold_text(r.display_name))
                   then r.display_name end, {columns}
            from jsonb_populate_record(null::fans, $2) r
            returning fan_id, position, updated_at
        )
        {ANNOUNCE_PARTING}
        """,  # noqa: S608 - names out of the catalogue
        pair.account_id,
        row,
        now,
        pair.fan_id,
    )


async def _claim(db: Db, account_id: int, fan_id: int, now: datetime) -> None:
    """Let a fan be recognised by its own address and numbers; an address that somebody took since is that fan's."""
    fan = (await _images(db, account_id, [fan_id]))[fan_id]
    for identity in sorted(identities(fan)):
        owner = await claim(db, account_id, identity, fan_id, now)
        if owner != fan_id and identity[0] == "email":
            await db.execute(
                "update fans set email = null, is_confirmed = false where account_id = $1 and fan_id = $2",
                account_id,
                fan_id,
            )


async def _set_flags(db: Db, account_id: int, fan_id: int) -> None:
    columns, _ = await refold(db, account_id, fan_id)
    await db.execute(
        "update fans set is_subscribed = $3, is_phone_subscribed = $4, is_optout = $5,"
        " email_word_at = $6, phone_word_at = $7, optout_word_at = $8 where account_id = $1 and fan_id = $2",
        account_id,
        fan_id,
        *(columns[name] for name in FOLDED),
    )


async def join_verified(db: Db, account_id: int, who: Person, now: datetime, *, source: str) -> None:
    """Merge two fans whom one request shows to be one person, by the rule of docs/decisions/0017.

    The caller knows that the request says, under the secret, that the person's email address and number are both
    verified. The fan of the address stays. Part of the caller's transaction.
    """
    if not (who.mail_key and who.phone):
        return
    pair = await _verified(db, account_id, who)
    for _ in range(RACES):
        if pair is None:
            return
        await db.execute(
            "select from fans where account_id = $1 and fan_id = any($2::bigint[]) order by fan_id for update",
            account_id,
            list(pair),
        )
        # Either may have become another, gone, or got an address while this waited for its row.
        settled = await _verified(db, account_id, who)
        if settled == pair:
            await _merge(db, account_id, pair, now, source)
            return
        pair = settled
    raise Unavailable


async def _verified(db: Db, account_id: int, who: Person) -> tuple[int, int] | None:
    found: Record | None = await db.row(VERIFIED, account_id, who.mail_key, who.phone)
    return (found["fan_id"], found["absorbed_id"]) if found else None


# Nothing may speak against it: another address of the number's fan, another verified number of the address's, or
# different birth dates.
VERIFIED = """
    select a.fan_id, b.fan_id as absorbed_id
    from fan_identifiers m
    join fans a on a.account_id = $1 and a.fan_id = m.fan_id
    join fan_identifiers p on p.account_id = $1 and p.network = 'phone' and p.identifier_value = $3
    join fans b on b.account_id = $1 and b.fan_id = p.fan_id
    where m.account_id = $1 and m.network = 'email' and m.identifier_value = $2
      and a.fan_id <> b.fan_id and b.email is null
      and not exists (
          select from fan_identifiers e where e.account_id = $1 and e.fan_id = b.fan_id and e.network = 'email')
      and (a.phone is null or a.phone = $3 or not a.is_phone_confirmed)
      and (a.birth_date is null or b.birth_date is null or a.birth_date = b.birth_date)
"""
