"""Reads the settings of an account, and what a change of them would mean."""

from fanfare.account_settings.schemas.accounts import AccountSettings, CurrencyPreview, ZoneChange, ZonePreview
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.zones import refuse_missing_zone
from fanfare.segments.actions import zones as segment_zones
from fanfare.trackers.actions import zones as tracker_zones

ZONE_CHANGE = """
    select old_time_zone, time_zone, floor(extract(epoch from created_at))::bigint as creation_timestamp,
           floor(extract(epoch from completed_at))::bigint as completion_timestamp, click_count, sale_count,
           segment_move_count, schedule_count
    from zone_changes where account_id = $1 order by change_id desc limit 1
"""
ACCOUNT = """
    select account_id, account_name, time_zone, currency, country_code,
           floor(extract(epoch from created_at))::bigint as creation_timestamp
    from accounts where account_id = $1
"""
STAYING = Heavy("""
    select (select count(*) from campaign_views where account_id = $1) as view_row_count,
           (select count(*) from export_schedules where account_id = $1 and is_active) as schedule_count,
           now() at time zone $2::text as local_time
""")
AMOUNTS = Heavy("""
    select (select count(*) from purchases where account_id = $1 and currency = $2) as order_line_count,
           (select count(*) from tickets where account_id = $1 and currency = $2) as ticket_count,
           (select count(*) from campaign_items where account_id = $1 and price is not null) as item_price_count,
           (select count(*) from ad_project_lines where account_id = $1) as budget_line_count
""")


async def account_settings(db: Db, account_id: int) -> AccountSettings:
    """Return where the account is at home, and the last change of its time zone."""
    row, change = await db.row(ACCOUNT, account_id), await db.row(ZONE_CHANGE, account_id)
    assert row is not None  # noqa: S101 - the account of a caller
    return AccountSettings(**row, zone_change=ZoneChange(**change) if change else None)


async def zone_preview(db: Db, account: Account, time_zone: str) -> ZonePreview:
    """Return how many rows another time zone moves to other days, and how many stay as they were counted.

    BadParameters (422) if PostgreSQL does not have the zone.
    """
    with refuse_missing_zone():
        row = await db.row(STAYING, account.id, time_zone)
    assert row is not None  # noqa: S101 - counts
    clicks, sales = await tracker_zones.count_moves(db, account.id, account.time_zone, time_zone)
    moves = await segment_zones.count_moves(db, account.id, account.time_zone, time_zone)
    return ZonePreview(time_zone, clicks, sales, moves, row["schedule_count"], row["view_row_count"])


async def currency_preview(db: Db, account: Account, currency: str) -> CurrencyPreview:
    """Return how many amounts are stored in the present currency, and how many without one."""
    row = await db.row(AMOUNTS, account.id, account.currency)
    assert row is not None  # noqa: S101 - counts
    return CurrencyPreview(currency, **row)
