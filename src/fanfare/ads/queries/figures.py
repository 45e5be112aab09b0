"""Sums the figures of ads by platform and by campaign."""

from fanfare.ads.schemas.figures import CampaignFigures, FigureQuery, PlatformFigures
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
    round(1000 * sum(spend) / nullif(sum(impressions), 0), 4) as cpm
"""
RANGE = """
    from ad_days
    where account_id = $1 and figure_date between $2 and $3 and ($4::text is null or network = $4)
"""
BY_PLATFORM = Heavy(f"select network, {SUMS} {RANGE} group by network, currency order by network, currency")
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
    rows = await db.rows(BY_PLATFORM, account_id, query.start_date, query.end_date, query.network)
    return read_rows(PlatformFigures, rows)


async def by_campaign(db: Db, account_id: int, query: FigureQuery) -> list[CampaignFigures]:
    """Return the figures of each campaign, one row for each currency; TooLarge (413) for too many campaigns."""
    rows = await db.rows(BY_CAMPAIGN, account_id, query.start_date, query.end_date, query.network)
    return [CampaignFigures(**row) for row in list_rows(rows)]
