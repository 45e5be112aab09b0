"""Gives tags to fans and takes them away, one or ten thousand in one statement."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfare.fans.contact import mail_key
from fanfare.fans.schemas.notes import TagChange, TagChanged, TagRow
from fanfare.fans.topics import TAG_ADDED, TAG_CREATED, TAG_DELETED, TAG_REMOVED
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import RACES, Db, Record
from fanfare.kernel.data.lines import line_fault
from fanfare.kernel.data.references import Thing, check_unused, hold
from fanfare.kernel.errors import BadParameters, Unavailable, Unknown
from fanfare.kernel.running.long_inputs import run_by_rows
from fanfare.kernel.wire import Unread

# Fans $2 and mail addresses $3, with what they are compared by in $6, each with its place; unknown ones have no fan.
ASKED = """
    asked as materialized (
        select place, g.fan_id as named_id, null::text as email, f.fan_id
        from unnest($2::bigint[]) with ordinality as g (fan_id, place)
        left join fans f on f.account_id = $1 and f.fan_id = g.fan_id
        union all
        select cardinality($2) + place, null, g.email, i.fan_id
        from unnest($3::text[], $6::text[]) with ordinality as g (email, mail_key, place)
        left join fan_identifiers i
          on i.account_id = $1 and i.network = 'email' and i.identifier_value = g.mail_key
    )
"""
GIVE = f"""
    with {HOLD},
    {ASKED},
    given as (
        insert into fan_tags (account_id, tag_id, fan_id, created_at, position)
        select $1::bigint, $4::bigint, untagged.fan_id, $5::timestamptz, nextval('positions')
        from hold cross join (select distinct fan_id from asked where fan_id is not null order by fan_id) as untagged
        on conflict (account_id, tag_id, fan_id) do nothing
        returning fan_id, position
    ),
    logged as (
        {announce(TAG_ADDED, "given", subject="$4::bigint", position="given.position", at="$5")}
    )
    select asked.named_id as fan_id, asked.email,
           case when asked.fan_id is null then 'unknown' when given.fan_id is null then 'unchanged' else 'added' end
               as status
    from asked left join given on given.fan_id = asked.fan_id
    order by asked.place
"""  # noqa: S608 - fixed parts
TAKE = f"""
    with {HOLD},
    {ASKED},
    taken as (
        delete from fan_tags
        where account_id = $1 and tag_id = $4 and fan_id in (select fan_id from asked)
        returning fan_id
    ),
    logged as (
        {announce(TAG_REMOVED, "taken", subject="$4::bigint", at="$5")}
    )
    select asked.named_id as fan_id, asked.email,
           case when asked.fan_id is null then 'unknown' when taken.fan_id is null then 'unchanged' else 'removed' end
               as status
    from asked left join taken on taken.fan_id = asked.fan_id
    order by asked.place
"""  # noqa: S608 - fixed parts


async def change_tag(db: Db, account_id: int, change: TagChange, now: datetime) -> TagChanged:
    """Give a tag to fans, or take it from them; tell for every entry what became of it."""
    is_given = change.action != "delete"
    fan_ids = [each for each in change.fan_ids or () if not isinstance(each, Unread)]
    emails = [each for each in change.emails or () if not isinstance(each, Unread)]
    keys = await run_by_rows(account_id, len(emails), lambda: [_key(email) for email in emails])
    async with db.transaction() as tx:
        tag_id = await _lock_tag(tx, account_id, change.tag_name, now, is_made=is_given)
        rows = await tx.rows(GIVE if is_given else TAKE, account_id, fan_ids, emails, tag_id, now, keys)
    return TagChanged(tag_id, change.tag_name, await run_by_rows(account_id, len(rows), _results, change, rows))


def _results(change: TagChange, rows: Sequence[Record]) -> list[TagRow]:
    """Return what became of each entry, in its place."""
    updated = iter(rows)
    targets = [("fan_ids", each) for each in change.fan_ids or ()] + [("emails", each) for each in change.emails or ()]
    return [
        _unread(index, field, entry) if isinstance(entry, Unread) else TagRow(index=index, **next(updated))
        for index, (field, entry) in enumerate(targets)
    ]


def _unread(index: int, field: str, entry: Unread) -> TagRow:
    fault = line_fault(index, BadParameters([(field, entry.message)]))
    email = entry.text if field == "emails" else None
    return TagRow(**msgspec.structs.asdict(fault), fan_id=None, email=email, status="error")


async def _lock_tag(db: Db, account_id: int, tag_name: str, now: datetime, *, is_made: bool) -> int:
    """Return a tag that nobody deletes until the transaction ends."""
    for _ in range(RACES):
        tag_id = await (create_tag if is_made else _known_tag)(db, account_id, tag_name, now)
        lock = "select true from tags where account_id = $1 and tag_id = $2 for key share"
        if await db.value(lock, account_id, tag_id):
            return tag_id
    raise Unavailable


def _key(email: str) -> str | None:
    """Return what an address is compared by; what is no address is nobody's."""
    try:
        return mail_key(email)
    except ValueError:
        return None


CREATE_TAG = f"""
    with known as (select tag_id from tags where account_id = $1 and fold_text(tag_name) = fold_text($2)),
    {HOLD},
    made as (
        insert into tags (account_id, tag_name, created_at)
        select $1, $2, $3 where not exists (select from known)
        returning tag_id
    ),
    logged as (
        {announce(TAG_CREATED, "made", at="$3")}
    )
    select tag_id from known union all select tag_id from made
"""  # noqa: S608 - fixed parts


async def create_tag(db: Db, account_id: int, tag_name: str, now: datetime) -> int:
    """Make a tag unless there is one of that name; return its id."""

    async def write(tx: Db) -> int:
        tag_id: int = await tx.value(
            CREATE_TAG,
            account_id,
            tag_name,
            now,
        )
        return tag_id

    return await db.racing(write)


async def _known_tag(db: Db, account_id: int, tag_name: str, _: datetime) -> int:
    tag_id: int | None = await db.value(
        "select tag_id from tags where account_id = $1 and fold_text(tag_name) = fold_text($2)", account_id, tag_name
    )
    if tag_id is None:
        raise Unknown(tag=tag_name)
    return tag_id


async def delete_tag(db: Db, account_id: int, tag_id: int, now: datetime) -> None:
    """Delete a tag; the change log tells of every fan who loses it. Refuses (409) while stored criteria name it."""
    async with db.transaction() as tx:
        await hold(tx, account_id)
        # Who gives a tag to fans holds it: waited for, so that the next statement takes it from these fans too.
        statement = "select tag_name from tags where account_id = $1 and tag_id = $2 for update"
        name = await tx.value(statement, account_id, tag_id)
        if name is None:
            raise Unknown(tag=tag_id)
        await check_unused(tx, account_id, Thing("tag", str(tag_id)), Thing("tag_name", name))
        await _delete(tx, account_id, tag_id, now)


DELETE = f"""
    with {HOLD},
    gone as (delete from tags where account_id = $1 and tag_id = $2 returning tag_id),
    taken as (delete from fan_tags where account_id = $1 and tag_id = $2 returning fan_id),
    logged as (
        {announce(TAG_REMOVED, "taken", subject="$2::bigint", at="$3")}
        {also(TAG_DELETED, "gone", subject="$2::bigint", at="$3")}
    )
    select count(*) from gone
"""  # noqa: S608 - fixed parts


async def _delete(db: Db, account_id: int, tag_id: int, now: datetime) -> None:
    await db.execute(
        DELETE,
        account_id,
        tag_id,
        now,
    )
