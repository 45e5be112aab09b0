"""Reads scans with their registrations."""

from fanfare.kernel.callers import Account
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.wire import window
from fanfare.kernel.wire.zones import zone_of
from fanfare.registrations.schemas.scans import Scan, ScanMeta, ScanQuery

PAGE = 1000
# Barcodes and registration keys are reused at later events, so a scan matches only registrations for its own event:
# with the same event_key, or close in time, since gates open some days before an event and a festival lasts some days.
# `ahead` is the account's offset from GMT.
EVENT_TIMES = """cross join lateral (
                        select r.event_date + time '20:00' as event_time,
                               coalesce(s.event_date + time '20:00', s.scanned_at at time zone 'UTC' + {ahead})
                                   as scan_time) times"""
SAME_EVENT = """(r.event_key = s.event_key
                           or (r.event_key is null or s.event_key is null)
                               and times.scan_time >= times.event_time - interval '4 days'
                               and times.scan_time <= times.event_time + interval '14 days')
"""
# `distance` ranks an event with the same key, then the same day, before events close in time. If several persons have
# the code at the same distance, no registration matches: the nearest in time would be a guess.
REGISTRATION = f"""
        left join lateral (
            select r.* from (
                select r.*, min(r.person) over same_distance as first_person,
                       max(r.person) over same_distance as last_person, min(r.distance) over () as nearest
                from (
                    select r.registration_id, r.registration_key, r.fan_id, r.event_key, r.event_name, r.event_date,
                           r.venue_name, r.order_key, r.first_name, r.last_name, r.email, r.phone, r.country_code,
                           r.province, r.postal_code, r.registered_at, r.barcode,
                           coalesce(r.fan_id, -r.registration_id) as person,
                           case when r.event_key = s.event_key then 0 when r.event_date = s.event_date then 1
                                when abs(extract(epoch from times.scan_time - times.event_time)) <= 4 * 24 * 3600
                                then 2 else 3 end as distance,
                           abs(extract(epoch from times.scan_time - times.event_time)) as seconds
                    from registrations r
                    {EVENT_TIMES.format(ahead=":ahead::interval")}
                    where r.account_id = s.account_id and r.network = s.network
                      and (r.registration_key = s.registration_key
                           or s.registration_key is null and r.barcode = s.barcode)
                      and {SAME_EVENT}
                ) r
                window same_distance as (partition by r.distance)
            ) r
            where r.distance = r.nearest and r.first_person = r.last_person
            order by r.seconds, r.registered_at desc, r.registration_id desc limit 1) r on true
"""  # noqa: S608 - fixed parts
# The holder before a transfer is not stored.
HOLDER = """left join passes p on p.account_id = s.account_id and p.pass_uid = s.pass_uid
        and (p.transferred_at is null or p.transferred_at <= s.scanned_at)"""


SCANS = Sql(f"""
    select s.scan_key, s.account_id, s.network, coalesce(r.fan_id, p.claim_fan_id, p.fan_id) as fan_id,
           coalesce(s.event_key, r.event_key) as event_key, s.is_success, s.access_mode, s.scan_group_name,
           s.site_name, s.site_id, s.node_name, s.zone_name,
           floor(extract(epoch from s.scanned_at))::bigint as scan_timestamp,
           coalesce(s.registration_key, r.registration_key) as registration_key,
           coalesce(s.ticket_order_key, r.order_key) as ticket_order_key,
           coalesce(s.event_name, r.event_name) as event_name, coalesce(s.event_date, r.event_date) as event_date,
           coalesce(s.venue_name, r.venue_name) as venue_name, r.first_name, r.last_name, r.email, r.phone,
           r.country_code, r.province, r.postal_code,
           floor(extract(epoch from r.registered_at))::bigint as registration_timestamp,
           coalesce(s.barcode, r.barcode) as barcode, s.refusal
    from scans s
    {REGISTRATION}
    {HOLDER}
    where s.account_id = $1 and s.network = :network and fold_text(s.scan_group_name) = fold_text(:group_name)
      and s.scan_key > :after and s.scan_key <= :bound
      and s.scanned_at >= :start and s.scanned_at < :end
      and (:venue_name::text is null or fold_text(coalesce(s.venue_name, r.venue_name)) = fold_text(:venue_name))
      and (:event_date::date is null or coalesce(s.event_date, r.event_date) = :event_date)
    order by s.scan_key
    limit :limit
""")  # noqa: S608 - fixed parts


async def scans(db: Db, account: Account, query: ScanQuery) -> Page[ScanMeta, Scan]:
    """Return the next page of scans, in the order of their scan_key, up to the settled position.

    Registrations are joined when reading, so one that is stored after its scan is included from then on.
    """
    start, end = window(query.start_date, query.end_date, account.time_zone)
    bound = await settled(db, account.id)
    rows = await db.rows(
        SCANS,
        account.id,
        network=query.network,
        group_name=query.scan_group_name,
        after=query.next_scan_key,
        bound=bound,
        start=start,
        end=end,
        venue_name=query.venue_name,
        event_date=query.event_date,
        limit=PAGE + 1,
        ahead=start.astimezone(zone_of(account.time_zone)).utcoffset(),
    )
    data = read_rows(Scan, rows[:PAGE])
    following = data[-1].scan_key if data else query.next_scan_key
    return Page(ScanMeta(following, has_more=len(rows) > PAGE), data)
