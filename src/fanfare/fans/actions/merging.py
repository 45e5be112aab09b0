"""Merges two fans and undoes merges.

All rows of the absorbed fan move to the fan who stays, in one transaction, by the followers of every domain; the
absorbed fan's row is deleted and its id redirects. What moved is recorded (`journal`), so that the merge can be undone.
"""

from datetime import datetime
from typing import Any

from fanfare.fans import followers
from fanfare.fans.actions import journal
from fanfare.fans.actions.claims import claim
from fanfare.fans.actions.confirming import drop_proofs, keep_proofs
from fanfare.fans.actions.consents import derive_consent
from fanfare.fans.actions.journal import Pair
from fanfare.fans.actions.people import Person
from fanfare.fans.contact import identities, mail_key
from fanfare.fans.queries.merges import merge, successors
from fanfare.fans.schemas.merges import Merge, MergeOther
from fanfare.fans.topics import FAN_MERGED, FAN_UNMERGED, FAN_UPDATED
from fanfare.kernel.data.announcements import announce, hold
from fanfare.kernel.data.db import WRITE_ATTEMPTS, Db, Record
from fanfare.kernel.data.updates import assignments
from fanfare.kernel.errors import Conflict, Unavailable, Unknown

FanRow = dict[str, Any]

# Columns that are filled, and restored, all together or not at all.
GROUPS = (
    ("country_code", "province", "city", "postal_code", "metro_area", "latitude", "longitude"),
    ("email", "is_confirmed"),
    ("phone", "is_phone_confirmed"),
)
# Columns derived from the consent ledger.
CONSENT_COLUMNS = (
    "is_subscribed",
    "is_phone_subscribed",
    "is_optout",
    "email_word_at",
    "phone_word_at",
    "optout_word_at",
)
# Columns not filled from the absorbed fan: those that identify a row, and those derived from other rows.
UNCOPIED_COLUMNS = frozenset(
    {"account_id", "fan_id", "position", "updated_at", "search_text", *CONSENT_COLUMNS, *sum(GROUPS, ())}
)


class MergedSince(Conflict):
    """A later merge into this fan must be undone first"""


async def merge_fans(db: Db, account_id: int, change: MergeOther, now: datetime, *, source: str) -> Merge:
    """Merge two fans and return the merge; if they are merged already, return the existing merge.

    Ids of merged fans are followed. Unknown (404) if a fan does not exist.
    """

    async def write(outer: Db) -> int:
        async with outer.transaction() as tx:
            return await _merge(tx, account_id, (change.fan_id, change.merged_fan_id), now, source)

    return await merge(db, account_id, await db.retry_conflicts(write))


async def _merge(db: Db, account_id: int, fan_ids: tuple[int, int], now: datetime, source: str) -> int:
    await hold(db, account_id)
    fan_id, absorbed_id = await _current_ids(db, account_id, fan_ids)
    if fan_id == absorbed_id:
        return await _existing_merge(db, account_id, fan_ids)
    merge_id: int = await db.value("select nextval('positions')")
    pair = Pair(account_id, merge_id, absorbed_id, fan_id)
    shapes = await journal.shapes(db)
    await _begin(db, pair, now, source)
    await journal.record_before(db, shapes, pair)
    images = await fan_images(db, account_id, [fan_id, absorbed_id])
    await keep_proofs(db, pair, images[absorbed_id])
    await followers.move(db, account_id, absorbed_id, fan_id)
    await db.execute("delete from fans where account_id = $1 and fan_id = $2", account_id, absorbed_id)
    additions = merge_additions(images[fan_id], images[absorbed_id])
    columns, _ = await derive_consent(db, account_id, fan_id)
    additions |= columns
    await _write(
        db, pair, shapes, {name: value for name, value in additions.items() if value != images[fan_id][name]}, now
    )
    await journal.record_after(db, shapes, pair)
    return merge_id


async def _current_ids(db: Db, account_id: int, fan_ids: tuple[int, int]) -> tuple[int, int]:
    """Lock both fans in the order of their ids and return their current ids, equal when they are merged already."""
    for _ in range(WRITE_ATTEMPTS):
        heirs = await successors(db, account_id, fan_ids)
        first, second = (heirs.get(each, each) for each in fan_ids)
        if first == second:
            return first, second
        rows = await db.rows(
            "select fan_id from fans where account_id = $1 and fan_id = any($2::bigint[]) order by fan_id for update",
            account_id,
            [first, second],
        )
        if len(rows) == len(fan_ids):
            return first, second
        # One was merged or erased while this transaction waited for the lock.
        if await successors(db, account_id, fan_ids) == heirs:
            raise Unknown(fan=min({first, second} - {row["fan_id"] for row in rows}))
    raise Unavailable


async def _existing_merge(db: Db, account_id: int, fan_ids: tuple[int, int]) -> int:
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
    with saved as (
        insert into fan_merges (account_id, merge_id, absorbed_id, fan_id, merge_source, merged_at)
        values ($1, $2, $3, $4, $6, $5)
        returning account_id, merge_id, absorbed_id, fan_id
    )
    {announce(FAN_MERGED, "saved", subject="absorbed_id", fan="$3", position="merge_id", at="$5", into_fan_id="fan_id")}
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


async def fan_images(db: Db, account_id: int, fan_ids: list[int]) -> dict[int, FanRow]:
    """Return the rows of fans as JSON objects, by fan_id."""
    rows = await db.rows(
        "select f.fan_id, to_jsonb(f) as image from fans f where f.account_id = $1 and f.fan_id = any($2::bigint[])",
        account_id,
        fan_ids,
    )
    return {row["fan_id"]: row["image"] for row in rows}


def merge_additions(fan: FanRow, absorbed: FanRow) -> FanRow:
    """Return the columns that change in the fan who stays: empty ones are filled from the absorbed fan."""
    additions = {name: absorbed[name] for name, value in fan.items() if value is None and name not in UNCOPIED_COLUMNS}
    additions["props"] = {**absorbed["props"], **fan["props"]}
    additions["created_at"] = min(fan["created_at"], absorbed["created_at"], key=datetime.fromisoformat)
    for group in GROUPS:
        if all(not fan[name] for name in group):
            additions |= {name: absorbed[name] for name in group}
    for name, flag, key in (("email", "is_confirmed", mail_key), ("phone", "is_phone_confirmed", str)):
        if fan[name] and absorbed[name] and key(fan[name]) == key(absorbed[name]):
            additions[flag] = fan[flag] or absorbed[flag]
    numbers = [each[name] for each in (fan, absorbed) for name in ("phone", "add_phone") if each[name]]
    if fan["phone"] and fan["add_phone"] is None:
        additions["add_phone"] = next((number for number in numbers if number != fan["phone"]), None)
    return additions


ANNOUNCE_CHANGE = announce(FAN_UPDATED, "saved", position="position", at="updated_at", merge_id="$5::bigint")


async def _write(db: Db, pair: Pair, shapes: list[journal.Shape], changes: FanRow, now: datetime) -> None:
    """Write the changed columns of the fan who stays, and announce the change without field names: any may differ."""
    columns = [name for name in shapes[0].columns if name not in ("fan_id", "position", "updated_at")]
    await db.execute(
        f"""
        with saved as (
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
        changes,
        now,
        pair.merge_id,
    )


async def unmerge_fans(db: Db, account_id: int, change: MergeOther, now: datetime) -> Merge:
    """Undo a merge and return it.

    The absorbed fan gets its rows back; rows added or changed since stay with the other fan. Unknown (404) if the fans
    are not merged; MergedSince (409) if this is not the latest merge into the fan.
    """

    async def write(outer: Db) -> int:
        async with outer.transaction() as tx:
            return await _unmerge(tx, account_id, change, now)

    return await merge(db, account_id, await db.retry_conflicts(write))


async def _unmerge(db: Db, account_id: int, change: MergeOther, now: datetime) -> int:
    await hold(db, account_id)
    pair = await _mark_undone(db, account_id, change, now)
    shapes = await journal.shapes(db)
    old_images, new_image = await _stored_images(db, pair)
    current = (await fan_images(db, account_id, [pair.fan_id]))[pair.fan_id]
    restored = _restored_columns(old_images[pair.fan_id], new_image, current) | _restored_email(
        old_images, pair, current
    )
    await _write(db, pair, shapes, restored, now)
    await _insert_absorbed(db, pair, shapes, old_images[pair.absorbed_id], now)
    await drop_proofs(db, pair)
    await journal.restore(db, shapes, pair)
    for fan_id in (pair.absorbed_id, pair.fan_id):
        await _claim(db, account_id, fan_id, now)
        await _set_flags(db, account_id, fan_id)
    await followers.recount(db, account_id, [pair.absorbed_id, pair.fan_id])
    return pair.merge_id


async def _mark_undone(db: Db, account_id: int, change: MergeOther, now: datetime) -> Pair:
    """Lock the fan who stayed and mark the merge as undone; raises as `unmerge_fans`."""
    await db.execute("select from fans where account_id = $1 and fan_id = $2 for update", account_id, change.fan_id)
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
        change.merged_fan_id,
        change.fan_id,
    )
    if row is None:
        message = "The two fans are not merged, or the merge was undone"
        raise Unknown(message)
    if row["later_id"] is not None:
        message = f"fan {row['later_id']} was merged later and must be unmerged first"
        raise MergedSince(message)
    pair = Pair(account_id, row["merge_id"], change.merged_fan_id, change.fan_id)
    await db.execute(
        "update fan_merges set undone_at = $3 where account_id = $1 and merge_id = $2", account_id, pair.merge_id, now
    )
    return pair


async def _stored_images(db: Db, pair: Pair) -> tuple[dict[int, FanRow], FanRow]:
    """Return the rows of both fans before the merge, by fan_id, and the row of the one who stayed after it."""
    rows = await db.rows(
        "select row_before, row_after from merged_rows where account_id = $1 and merge_id = $2 and table_name = 'fans'",
        pair.account_id,
        pair.merge_id,
    )
    old_images = {row["row_before"]["fan_id"]: row["row_before"] for row in rows}
    return old_images, next(row["row_after"] for row in rows if row["row_after"])


def _restored_columns(old: FanRow, new: FanRow, current: FanRow) -> FanRow:
    """Return the old values of the columns that the merge changed and that did not change since."""
    changed_names = {
        name for name in old if name not in UNCOPIED_COLUMNS - set(sum(GROUPS, ())) and old[name] != new.get(name)
    }
    changed_since = {name for name in changed_names if current.get(name) != new[name]}
    for group in GROUPS:
        if any(name in group and current.get(name) != new.get(name) for name in old):
            changed_since.update(group)
    return {name: old[name] for name in changed_names - changed_since if name in current}


def _restored_email(images: dict[int, FanRow], pair: Pair, current: FanRow) -> FanRow:
    """Return the fan's email of before the merge, if its current one goes back to the absorbed fan."""
    email = images[pair.absorbed_id]["email"]
    if not (email and current["email"] and mail_key(email) == mail_key(current["email"])):
        return {}
    return {name: images[pair.fan_id][name] for name in ("email", "is_confirmed")}


ANNOUNCE_UNMERGE = announce(FAN_UNMERGED, "saved", position="position", at="updated_at", from_fan_id="$4::bigint")


async def _insert_absorbed(db: Db, pair: Pair, shapes: list[journal.Shape], row: FanRow, now: datetime) -> None:
    """Insert the row of the absorbed fan again, without its display name if another fan has it now."""
    # Columns added after the merge get their defaults.
    names = [name for name in shapes[0].columns if name in row]
    columns = ", ".join(name for name in names if name not in ("position", "updated_at", "display_name"))
    await db.execute(
        f"""
        with saved as (
            insert into fans (account_id, position, updated_at, display_name, {columns})
            select $1, nextval('positions'), greatest($3, r.updated_at + interval '1 millisecond'),
                   case when not exists (
                       select from fans other
                       where other.account_id = $1 and fold_text(other.display_name) = fold_text(r.display_name))
                   then r.display_name end, {columns}
            from jsonb_populate_record(null::fans, $2) r
            returning fan_id, position, updated_at
        )
        {ANNOUNCE_UNMERGE}
        """,  # noqa: S608 - names out of the catalogue
        pair.account_id,
        row,
        now,
        pair.fan_id,
    )


async def _claim(db: Db, account_id: int, fan_id: int, now: datetime) -> None:
    """Make a fan the owner of its address and numbers; clear an address that another fan owns now."""
    fan = (await fan_images(db, account_id, [fan_id]))[fan_id]
    for identity in sorted(identities(fan)):
        owner = await claim(db, account_id, identity, fan_id, now)
        if owner != fan_id and identity[0] == "email":
            await db.execute(
                "update fans set email = null, is_confirmed = false where account_id = $1 and fan_id = $2",
                account_id,
                fan_id,
            )


async def _set_flags(db: Db, account_id: int, fan_id: int) -> None:
    columns, _ = await derive_consent(db, account_id, fan_id)
    await db.execute(
        "update fans set is_subscribed = $3, is_phone_subscribed = $4, is_optout = $5,"
        " email_word_at = $6, phone_word_at = $7, optout_word_at = $8 where account_id = $1 and fan_id = $2",
        account_id,
        fan_id,
        *(columns[name] for name in CONSENT_COLUMNS),
    )


async def join_verified(db: Db, account_id: int, profile: Person, now: datetime, *, source: str) -> None:
    """Merge the fan with the person's email address and the fan with the number; see docs/decisions/0017.

    The caller has checked that the request has the secret and says that both are verified. The fan with the address
    stays. Runs in the caller's transaction.
    """
    if not (profile.mail_key and profile.phone):
        return
    pair = await _verified_pair(db, account_id, profile)
    for _ in range(WRITE_ATTEMPTS):
        if pair is None:
            return
        await db.execute(
            "select from fans where account_id = $1 and fan_id = any($2::bigint[]) order by fan_id for update",
            account_id,
            list(pair),
        )
        # Either may have been merged, erased or changed while this transaction waited for the lock.
        current_pair = await _verified_pair(db, account_id, profile)
        if current_pair == pair:
            await _merge(db, account_id, pair, now, source)
            return
        pair = current_pair
    raise Unavailable


async def _verified_pair(db: Db, account_id: int, profile: Person) -> tuple[int, int] | None:
    row: Record | None = await db.row(VERIFIED, account_id, profile.mail_key, profile.phone)
    return (row["fan_id"], row["absorbed_id"]) if row else None


# Not if the fan with the number has an address, the fan with the address another verified number, or birth dates
# differ.
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
