"""Creates and deletes tags, adds them to fans and removes them; up to 10,000 fans in one statement."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from fanfare.fans.contact import mail_key
from fanfare.fans.schemas.attributes import TagChange, TagChanged, TagRow
from fanfare.fans.topics import TAG_ADDED, TAG_CREATED, TAG_DELETED, TAG_REMOVED
from fanfare.kernel.data.announcements import HOLD, also, announce
from fanfare.kernel.data.db import WRITE_ATTEMPTS, Db, Record
from fanfare.kernel.data.lines import line_fault
from fanfare.kernel.data.references import Reference, check_unused, hold
from fanfare.kernel.errors import BadParameters, Unavailable, Unknown
from fanfare.kernel.running.long_inputs import run_by_rows
from fanfare.kernel.wire import InvalidEntry

# Fans by id ($2) and by email address ($3, normalised in $6), each with its place; fan_id is null for unknown ones.
TARGETS = """
    targets as materialized (
        select place, g.fan_id as requested_id, null::text as email, f.fan_id
        from unnest($2::bigint[]) with ordinality as g (fan_id, place)
        left join fans f on f.account_id = $1 and f.fan_id = g.fan_id
        union all
        select cardinality($2) + place, null, g.email, i.fan_id
        from unnest($3::text[], $6::text[]) with ordinality as g (email, mail_key, place)
        left join fan_identifiers i
          on i.account_id = $1 and i.network = 'email' and i.identifier_value = g.mail_key
    )
"""
ADD = f"""
    with {HOLD},
    {TARGETS},
    added as (
        insert into fan_tags (account_id, tag_id, fan_id, created_at, position)
        select $1::bigint, $4::bigint, new.fan_id, $5::timestamptz, nextval('positions')
        from hold cross join (select distinct fan_id from targets where fan_id is not null order by fan_id) as new
        on conflict (account_id, tag_id, fan_id) do nothing
        returning fan_id, position
    ),
    announced as (
        {announce(TAG_ADDED, "added", subject="$4::bigint", position="added.position", at="$5")}
    )
    select targets.requested_id as fan_id, targets.email,
           case when targets.fan_id is null then 'unknown' when added.fan_id is null then 'unchanged' else 'added' end
               as status
    from targets left join added on added.fan_id = targets.fan_id
    order by targets.place
"""  # noqa: S608 - fixed parts
REMOVE = f"""
    with {HOLD},
    {TARGETS},
    removed as (
        delete from fan_tags
        where account_id = $1 and tag_id = $4 and fan_id in (select fan_id from targets)
        returning fan_id
    ),
    announced as (
        {announce(TAG_REMOVED, "removed", subject="$4::bigint", at="$5")}
    )
    select targets.requested_id as fan_id, targets.email,
           case when targets.fan_id is null then 'unknown' when removed.fan_id is null then 'unchanged'
                else 'removed' end as status
    from targets left join removed on removed.fan_id = targets.fan_id
    order by targets.place
"""  # noqa: S608 - fixed parts


async def change_tag(db: Db, account_id: int, change: TagChange, now: datetime) -> TagChanged:
    """Add a tag to fans or remove it from them; return the result of every entry."""
    is_adding = change.action != "delete"
    fan_ids = [each for each in change.fan_ids or () if not isinstance(each, InvalidEntry)]
    emails = [each for each in change.emails or () if not isinstance(each, InvalidEntry)]
    keys = await run_by_rows(account_id, len(emails), lambda: [_key(email) for email in emails])
    async with db.transaction() as tx:
        tag_id = await _lock_tag(tx, account_id, change.tag_name, now, may_create=is_adding)
        rows = await tx.rows(ADD if is_adding else REMOVE, account_id, fan_ids, emails, tag_id, now, keys)
    return TagChanged(tag_id, change.tag_name, await run_by_rows(account_id, len(rows), _results, change, rows))


def _results(change: TagChange, rows: Sequence[Record]) -> list[TagRow]:
    """Return the result of each entry, in order, unreadable entries included."""
    updated = iter(rows)
    targets = [("fan_ids", each) for each in change.fan_ids or ()] + [("emails", each) for each in change.emails or ()]
    return [
        _unread(index, field, entry) if isinstance(entry, InvalidEntry) else TagRow(index=index, **next(updated))
        for index, (field, entry) in enumerate(targets)
    ]


def _unread(index: int, field: str, entry: InvalidEntry) -> TagRow:
    fault = line_fault(index, BadParameters([(field, entry.message)]))
    email = entry.text if field == "emails" else None
    return TagRow(**msgspec.structs.asdict(fault), fan_id=None, email=email, status="error")


async def _lock_tag(db: Db, account_id: int, tag_name: str, now: datetime, *, may_create: bool) -> int:
    """Lock a tag against deletion until the transaction ends and return its id."""
    for _ in range(WRITE_ATTEMPTS):
        tag_id = await (create_tag if may_create else _existing_tag)(db, account_id, tag_name, now)
        lock = "select true from tags where account_id = $1 and tag_id = $2 for key share"
        if await db.value(lock, account_id, tag_id):
            return tag_id
    raise Unavailable


def _key(email: str) -> str | None:
    """Return the normalised address; None if it is invalid, which matches no fan."""
    try:
        return mail_key(email)
    except ValueError:
        return None


CREATE_TAG = f"""
    with existing as (select tag_id from tags where account_id = $1 and fold_text(tag_name) = fold_text($2)),
    {HOLD},
    created as (
        insert into tags (account_id, tag_name, created_at)
        select $1, $2, $3 where not exists (select from existing)
        returning tag_id
    ),
    announced as (
        {announce(TAG_CREATED, "created", at="$3")}
    )
    select tag_id from existing union all select tag_id from created
"""  # noqa: S608 - fixed parts


async def create_tag(db: Db, account_id: int, tag_name: str, now: datetime) -> int:
    """Create a tag unless one has the name; return its id."""

    async def write(tx: Db) -> int:
        tag_id: int = await tx.value(
            CREATE_TAG,
            account_id,
            tag_name,
            now,
        )
        return tag_id

    return await db.retry_conflicts(write)


async def _existing_tag(db: Db, account_id: int, tag_name: str, _: datetime) -> int:
    tag_id: int | None = await db.value(
        "select tag_id from tags where account_id = $1 and fold_text(tag_name) = fold_text($2)", account_id, tag_name
    )
    if tag_id is None:
        raise Unknown(tag=tag_name)
    return tag_id


async def delete_tag(db: Db, account_id: int, tag_id: int, now: datetime) -> None:
    """Delete a tag and announce each fan who loses it. Conflict (409) while stored criteria refer to it."""
    async with db.transaction() as tx:
        await hold(tx, account_id)
        # Waits for transactions that add the tag, so that the next statement removes it from their fans too.
        statement = "select tag_name from tags where account_id = $1 and tag_id = $2 for update"
        name = await tx.value(statement, account_id, tag_id)
        if name is None:
            raise Unknown(tag=tag_id)
        await check_unused(tx, account_id, Reference("tag", str(tag_id)), Reference("tag_name", name))
        await _delete(tx, account_id, tag_id, now)


DELETE = f"""
    with {HOLD},
    deleted as (delete from tags where account_id = $1 and tag_id = $2 returning tag_id),
    removed as (delete from fan_tags where account_id = $1 and tag_id = $2 returning fan_id),
    announced as (
        {announce(TAG_REMOVED, "removed", subject="$2::bigint", at="$3")}
        {also(TAG_DELETED, "deleted", subject="$2::bigint", at="$3")}
    )
    select count(*) from deleted
"""  # noqa: S608 - fixed parts


async def _delete(db: Db, account_id: int, tag_id: int, now: datetime) -> None:
    await db.execute(
        DELETE,
        account_id,
        tag_id,
        now,
    )
