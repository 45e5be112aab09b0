"""Reads registrations."""

from contextlib import suppress

from fanfare.fans.contact import mail_key
from fanfare.fans.queries.fans import known_fan
from fanfare.kernel.db import Db
from fanfare.kernel.endpoint import Page
from fanfare.kernel.keys import Account
from fanfare.kernel.wire import day_bounds
from fanfare.registrations.schemas.registrations import (
    FanRegistrationQuery,
    Registration,
    RegistrationMeta,
    RegistrationQuery,
)

# A performance is the registration's when it is on its day and has its event's key or name, whichever came first.
REGISTRATIONS = """
    select r.account_id, r.registration_key, r.order_key, r.event_name, r.event_date, r.event_key, r.fan_id,
           floor(extract(epoch from r.registered_at))::bigint as registration_timestamp, r.email, r.venue_name,
           r.barcode, r.lookup_id, r.ticket_key, r.network, r.first_name, r.last_name, r.phone, r.address, r.city,
           r.country_code, r.province, r.postal_code, r.is_minor, r.birth_date, r.is_preferred,
           floor(extract(epoch from r.created_at))::bigint as creation_timestamp, r.activity_id,
           coalesce(f.is_subscribed, false) as is_subscribed,
           coalesce(f.is_phone_subscribed, false) as is_phone_subscribed,
           meant.performance_uid
    from registrations r
    left join fans f on f.account_id = r.account_id and f.fan_id = r.fan_id
    left join lateral (
        select p.performance_uid from performances p
        where p.account_id = r.account_id and p.performance_date = r.event_date
          and (p.campaign_event_key = r.event_key or fold_text(p.performance_name) = fold_text(r.event_name))
        order by p.campaign_event_key = r.event_key desc nulls last, p.performance_uid
        limit 1) meant on true
    where r.account_id = $1
"""
SEARCH = f"""
    {REGISTRATIONS}
      and ($2::timestamptz is null or r.registered_at >= $2) and ($3::timestamptz is null or r.registered_at < $3)
      and ($4::text is null or r.mail_key = $4)
      and ($5::uuid is null or (
          r.event_date = (select performance_date from performances where account_id = $1 and performance_uid = $5)
          and meant.performance_uid = $5))
    order by r.registered_at desc, r.registration_id desc
    limit $6
"""  # noqa: S608 - fixed parts


async def registrations(db: Db, account: Account, wanted: RegistrationQuery) -> Page[RegistrationMeta, Registration]:
    """Return the newest registrations that fit; days are the account's."""
    start = day_bounds(wanted.start_date, account.time_zone)[0] if wanted.start_date else None
    end = day_bounds(wanted.end_date, account.time_zone)[1] if wanted.end_date else None
    rows = await db.rows(
        SEARCH,
        account.id,
        start,
        end,
        _key(wanted.email),
        wanted.performance_uid,
        wanted.limit,
    )
    found = [Registration(**row) for row in rows]
    return Page(RegistrationMeta(len(found)), found)


def _key(email: str | None) -> str | None:
    """Return by what a mail address is known; one that is none is nobody's."""
    if email is None:
        return None
    with suppress(ValueError):
        return mail_key(email)
    return email


async def fan_registrations(db: Db, account_id: int, wanted: FanRegistrationQuery) -> list[Registration]:
    """Return a fan's newest registrations; refuses an unknown fan."""
    await known_fan(db, account_id, wanted.fan_id)
    rows = await db.rows(
        f"{REGISTRATIONS} and r.fan_id = $2 order by r.registered_at desc, r.registration_id desc limit $3",
        account_id,
        wanted.fan_id,
        wanted.limit,
    )
    return [Registration(**row) for row in rows]
