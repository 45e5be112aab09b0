"""Reads registrations."""

from collections.abc import Sequence
from contextlib import suppress

from fanfare.fans.contact import mail_key
from fanfare.fans.queries.fans import check_fan
from fanfare.kernel.callers import Account
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db, Record
from fanfare.kernel.data.paging import ArrayPage, Cursor, Page, part, start
from fanfare.kernel.wire import MAX_ID, day_bounds
from fanfare.registrations.schemas.registrations import (
    FanRegistrationQuery,
    Registration,
    RegistrationMeta,
    RegistrationQuery,
)

# Rows returned by the call that adds a registration.
NEWEST = 50


def performance_of(row: str) -> str:
    """Return the query of the performance of a registration, by the alias of its row.

    It is on the day of the event and has the event's key or, with less priority, its name.
    """
    return f"""
        select p.performance_uid from performances p
        where p.account_id = $1 and p.performance_date = {row}.event_date
          and (p.campaign_event_key = {row}.event_key or fold_text(p.performance_name) = fold_text({row}.event_name))
        order by p.campaign_event_key = {row}.event_key desc nulls last, p.performance_uid
        limit 1"""  # noqa: S608 - an alias


REGISTRATIONS = f"""
    select r.registration_id, r.account_id, r.registration_key, r.order_key, r.event_name, r.event_date, r.event_key,
           r.fan_id,
           floor(extract(epoch from r.registered_at))::bigint as registration_timestamp, r.email, r.venue_name,
           r.barcode, r.lookup_id, r.ticket_key, r.network, r.first_name, r.last_name, r.phone, r.address, r.city,
           r.country_code, r.province, r.postal_code, r.is_minor, r.birth_date, r.is_preferred,
           floor(extract(epoch from r.created_at))::bigint as creation_timestamp, r.activity_id,
           coalesce(f.is_subscribed, false) as is_subscribed,
           coalesce(f.is_phone_subscribed, false) as is_phone_subscribed,
           performance.performance_uid
    from registrations r
    left join fans f on f.account_id = r.account_id and f.fan_id = r.fan_id
    left join lateral ({performance_of("r")}) performance on true
    where r.account_id = $1
"""  # noqa: S608 - fixed parts
SEARCH = f"""
    {REGISTRATIONS}
      and ($4::timestamptz is null or r.registered_at >= $4) and ($5::timestamptz is null or r.registered_at < $5)
      and ($6::text is null or r.mail_key = $6)
      and ($7::uuid is null or (
          r.event_date = (select performance_date from performances where account_id = $1 and performance_uid = $7)
          and performance.performance_uid = $7))
      and r.registration_id > $2 and r.registration_id < $3
      and ($9::bigint[] is null or exists (
          select from performances b
          where b.account_id = $1 and b.performance_uid = performance.performance_uid and b.business_id = any($9)))
"""  # noqa: S608 - fixed parts


async def registrations(
    db: Db, account: Account, query: RegistrationQuery, *, business_ids: Sequence[int] | None = None
) -> Page[RegistrationMeta, Registration]:
    """Return a page of registrations, the last stored first by default; days are in the account's time zone.

    With `business_ids` only those for performances of these businesses.
    """
    start_at = day_bounds(query.start_date, account.time_zone)[0] if query.start_date else None
    end_at = day_bounds(query.end_date, account.time_zone)[1] if query.end_date else None
    cursor = start(query.cursor, query.order)
    rows = await db.rows(
        f"{SEARCH} order by r.registration_id {cursor.order} limit $8",
        account.id,
        *cursor.span(await settled(db, account.id)),
        start_at,
        end_at,
        _key(query.email),
        query.performance_uid,
        query.limit + 1,
        business_ids,
    )
    page = part(rows, query.limit, cursor, "registration_id")
    data = page.read(Registration)
    return Page(RegistrationMeta(len(data), page.next_cursor, has_more=page.has_more), data)


def _key(email: str | None) -> str | None:
    """Return the normalised email address; an invalid one as it is, which matches no row."""
    if email is None:
        return None
    with suppress(ValueError):
        return mail_key(email)
    return email


async def fan_registrations(db: Db, account_id: int, query: FanRegistrationQuery) -> ArrayPage[Registration]:
    """Return a page of a fan's registrations, the last stored first by default; Unknown (404) fan."""
    await check_fan(db, account_id, query.fan_id)
    cursor = start(query.cursor, query.order)
    rows = await _of_fan(db, account_id, query.fan_id, cursor, await settled(db, account_id), query.limit)
    page = part(rows, query.limit, cursor, "registration_id")
    return ArrayPage(page.read(Registration), page.next_page)


async def newest_registrations(db: Db, account_id: int, fan_id: int) -> list[Registration]:
    """Return a fan's newest 50 registrations, including uncommitted ones of this transaction."""
    rows = await _of_fan(db, account_id, fan_id, start(None, "desc"), MAX_ID, NEWEST)
    return [Registration(**row) for row in part(rows, NEWEST, start(None, "desc"), "registration_id").rows]


async def _of_fan(db: Db, account_id: int, fan_id: int, cursor: Cursor, bound: int, limit: int) -> list[Record]:
    return await db.rows(
        f"{REGISTRATIONS} and r.fan_id = $2 and r.registration_id > $3 and r.registration_id < $4"
        f" order by r.registration_id {cursor.order} limit $5",
        account_id,
        fan_id,
        *cursor.span(bound),
        limit + 1,
    )
