"""Sums the figures of ads by platform and by campaign."""

from fanfare.ads.schemas.figures import CampaignFigures, DayFigures, FigureQuery, PlatformFigures
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.lists import bounded, list_rows
from fanfare.kernel.data.rows import read_rows

SUMS = """
    currency, sum(spend) as spend, sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks,
    sum(conversion_amount) as conversion_amount, sum(conversion_count) as conversion_count,
    sum(offline_conversion_amount) as offline_conversion_amount,
    sum(offline_conversion_count) as offline_conversion_count,
    sum(custom_conversion_count) as custom_conversion_count,
    sum(custom_conversion_amount) as custom_conversion_amount,
    sum(custom_offline_conversion_count) as custom_offline_conversion_count,
    sum(custom_offline_conversion_amount) as custom_offline_conversion_amount,
    round((sum(conversion_amount) + sum(offline_conversion_amount)) / nullif(sum(spend), 0), 4) as roas,
    round(sum(spend) / nullif(sum(clicks), 0), 4) as cpc,
    round(1000 * sum(spend) / nullif(sum(impressions), 0), 4) as cpm,
    round(100.0 * sum(clicks) / nullif(sum(impressions), 0), 4) as ctr,
    round(sum(spend) / nullif(sum(conversion_count) + sum(offline_conversion_count), 0), 4) as cpa,
    round((sum(conversion_amount) + sum(offline_conversion_amount) - sum(spend)) / nullif(sum(spend), 0), 4) as roi
"""
RANGE = """
    from ad_days
    where account_id = $1 and figure_date between $2 and $3 and ($4::text is null or network = $4)
      and ($5::text is null or ad_account_key = $5) and ($6::text is null or currency = $6)
"""
BY_PLATFORM = Heavy(f"select network, {SUMS} {RANGE} group by network, currency order by network, currency")
BY_DAY = Heavy(
    f"select figure_date as day, {SUMS} {RANGE} group by figure_date, currency order by figure_date, currency"
)
# A campaign has the name that it had on its last day.
BY_CAMPAIGN = Heavy(
    bounded(f"""
    select network, nullif(ad_account_key, '') as ad_account_key, campaign_key,
           (array_agg(campaign_name order by figure_date desc) filter (where campaign_name is not null))[1]
               as campaign_name,
           {SUMS}
    {RANGE}
    group by network, ad_days.ad_account_key, campaign_key, currency
    order by network, ad_days.ad_account_key, campaign_key, currency
""")
)


async def by_platform(db: Db, account_id: int, query: FigureQuery) -> list[PlatformFigures]:
    """Return the figures of each platform, one row for each currency."""
    rows = await db.rows(BY_PLATFORM, account_id, *_arguments(query))
    return read_rows(PlatformFigures, rows)


async def by_campaign(db: Db, account_id: int, query: FigureQuery) -> list[CampaignFigures]:
    """Return the figures of each campaign, one row for each currency; TooLarge (413) for too many campaigns."""
    rows = await db.rows(BY_CAMPAIGN, account_id, *_arguments(query))
    return [CampaignFigures(**row) for row in list_rows(rows)]


async def by_day(db: Db, account_id: int, query: FigureQuery) -> list[DayFigures]:
    """Return the figures of each day that has any, one row for each currency."""
    return [DayFigures(**row) for row in await db.rows(BY_DAY, account_id, *_arguments(query))]


def _arguments(query: FigureQuery) -> tuple[object, ...]:
    return query.start_date, query.end_date, query.network, query.ad_account_key, query.currency
