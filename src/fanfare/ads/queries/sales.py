"""Compares what ads cost with the sales that are attributed to trackers: both are kept by day."""

from fanfare.ads.schemas.figures import AdSales, FigureQuery
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.rows import read_rows

# Trackers and the figures of ads name some networks differently.
NETWORK = "case when t.network in ('facebook', 'instagram') then 'meta' else fold_text(t.network) end"
SALES = Heavy(f"""
    with spent as (
        select network, currency, sum(spend) as spend, sum(clicks)::bigint as clicks
        from ad_days
        where account_id = $1 and figure_date between $2 and $3 and ($5::text is null or ad_account_key = $5)
        group by network, currency
    ),
    sold as (
        select {NETWORK} as network, s.currency, sum(s.purchase_count) as purchase_count,
               sum(s.purchase_amount) as purchase_amount
        from tracker_sale_days s
        join trackers t on t.account_id = s.account_id and t.tracker_id = s.tracker_id
        where s.account_id = $1 and s.figure_date between $2 and $3
        group by 1, 2
    ),
    clicked as (
        select {NETWORK} as network, sum(d.human_count)::bigint as clicks
        from tracker_click_days d
        join trackers t on t.account_id = d.account_id and t.tracker_id = d.tracker_id
        where d.account_id = $1 and d.figure_date between $2 and $3
        group by 1
    )
    select network, currency, coalesce(spent.spend, 0) as spend, coalesce(spent.clicks, 0) as clicks,
           coalesce(clicked.clicks, 0) as tracker_clicks,
           coalesce(sold.purchase_count, 0) as attributed_purchase_count,
           coalesce(sold.purchase_amount, 0) as attributed_purchase_amount,
           round(coalesce(sold.purchase_amount, 0) / nullif(spent.spend, 0), 4) as roas,
           round(spent.spend / nullif(sold.purchase_count, 0), 4) as cpa
    from spent full join sold using (network, currency) left join clicked using (network)
    where ($4::text is null or network = $4) and ($6::text is null or currency = $6)
    order by network, currency
""")  # noqa: S608 - fixed parts


async def sales(db: Db, account_id: int, query: FigureQuery) -> list[AdSales]:
    """Return spend and attributed sales of each platform, one row for each currency."""
    arguments = query.start_date, query.end_date, query.network, query.ad_account_key, query.currency
    return read_rows(AdSales, await db.rows(SALES, account_id, *arguments))
