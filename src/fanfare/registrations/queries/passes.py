"""Reads passes and their sections, and renders QR codes."""

import uuid
from collections.abc import Sequence

from fanfare.campaigns.queries.checks import check_campaign
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db, Heavy
from fanfare.kernel.data.paging import Page
from fanfare.kernel.data.rows import read_rows
from fanfare.kernel.errors import Unknown
from fanfare.kernel.pictures import Png, Svg, qr_png, qr_svg
from fanfare.registrations.schemas.passes import Pass, PassCampaign, PassFigures, PassMeta, PassQuery, Section

PASSES = """
    select p.pass_uid, p.pass_id, p.pass_code, p.page_tab_id, p.section_uid, s.section_name, p.event_key, p.fan_id,
           p.claim_fan_id, p.checked_in_at is not null as checked_in, p.gate_name,
           floor(extract(epoch from p.created_at))::bigint as creation_timestamp,
           floor(extract(epoch from p.claimed_at))::bigint as claim_timestamp,
           floor(extract(epoch from p.transferred_at))::bigint as transfer_timestamp,
           floor(extract(epoch from p.cancelled_at))::bigint as cancellation_timestamp,
           floor(extract(epoch from p.checked_in_at))::bigint as check_in_timestamp
    from passes p
    left join pass_sections s on s.account_id = p.account_id and s.section_uid = p.section_uid
    where p.account_id = $1
"""


async def one_pass(db: Db, account_id: int, pass_uid: uuid.UUID) -> Pass:
    """Return one pass; Unknown (404) if it does not exist."""
    row = await db.row(f"{PASSES} and p.pass_uid = $2", account_id, pass_uid)
    if row is None:
        raise Unknown(event_pass=pass_uid)
    return Pass(**row)


async def passes_by_uids(db: Db, account_id: int, pass_uids: Sequence[uuid.UUID]) -> list[Pass]:
    """Return the passes with these uids, in the order of their creation."""
    rows = await db.rows(f"{PASSES} and p.pass_uid = any($2::uuid[]) order by p.pass_id", account_id, pass_uids)
    return read_rows(Pass, rows)


async def passes(db: Db, account_id: int, query: PassQuery) -> Page[PassMeta, Pass]:
    """Return the next page of a campaign's passes; Unknown (404) if the campaign does not exist."""
    await check_campaign(db, account_id, query.page_tab_id)
    bound = await settled(db, account_id)
    rows = await db.rows(
        PASSES
        + """
          and p.page_tab_id = $2 and p.pass_id > $3 and p.pass_id <= $4 and ($5::uuid is null or p.section_uid = $5)
          and ($6::bigint is null or p.fan_id = $6 or p.claim_fan_id = $6)
          and ($8::text is null or p.pass_code = $8)
          and ($9::text is null or $9 = case when p.cancelled_at is not null then 'cancelled'
                                            when p.checked_in_at is not null then 'checked_in' else 'unused' end)
        order by p.pass_id
        limit $7
        """,
        account_id,
        query.page_tab_id,
        query.next_pass_id,
        bound,
        query.section_uid,
        query.fan_id,
        query.limit + 1,
        query.pass_code,
        query.state,
    )
    data = read_rows(Pass, rows[: query.limit])
    following = data[-1].pass_id if data else query.next_pass_id
    return Page(PassMeta(following, len(data), has_more=len(rows) > query.limit), data)


async def pass_campaigns(db: Db, account_id: int, *, business_ids: Sequence[int] | None = None) -> list[PassCampaign]:
    """Return the campaigns with passes or sections, the newest first; with `business_ids` only theirs."""
    rows = await db.rows(
        """
        select c.page_tab_id, c.title, c.business_id, s.section_count, s.pass_count, s.capacity
        from campaigns c
        cross join lateral (
            select count(*) as section_count, coalesce(sum(pass_count), 0)::bigint as pass_count,
                   case when count(capacity) = count(*) then sum(capacity)::bigint end as capacity
            from pass_sections s where s.account_id = $1 and s.page_tab_id = c.page_tab_id) s
        where c.account_id = $1 and ($2::bigint[] is null or c.business_id = any($2))
          and (s.section_count > 0
               or exists (select from passes p where p.account_id = $1 and p.page_tab_id = c.page_tab_id))
        order by c.page_tab_id desc
        """,
        account_id,
        business_ids,
    )
    return read_rows(PassCampaign, rows)


async def pass_figures(db: Db, account_id: int, page_tab_id: int) -> PassFigures:
    """Return how many passes a campaign has; Unknown (404) if the campaign does not exist."""
    await check_campaign(db, account_id, page_tab_id)
    row = await db.row(
        Heavy("""
        select count(*) as pass_count, count(claimed_at) filter (where cancelled_at is null) as claimed_count,
               count(checked_in_at) filter (where cancelled_at is null) as checked_in_count,
               count(cancelled_at) as cancelled_count
        from passes where account_id = $1 and page_tab_id = $2
        """),
        account_id,
        page_tab_id,
    )
    return PassFigures(**row) if row else PassFigures(0, 0, 0, 0)


async def sections(db: Db, account_id: int, page_tab_id: int) -> list[Section]:
    """Return the sections of a campaign by name; Unknown (404) if the campaign does not exist."""
    await check_campaign(db, account_id, page_tab_id)
    rows = await db.rows(
        """
        select section_uid, page_tab_id, section_name, capacity, pass_count,
               floor(extract(epoch from created_at))::bigint as creation_timestamp
        from pass_sections
        where account_id = $1 and page_tab_id = $2
        order by fold_text(section_name)
        """,
        account_id,
        page_tab_id,
    )
    return read_rows(Section, rows)


async def svg(db: Db, account_id: int, pass_uid: uuid.UUID) -> Svg:
    """Return the QR code of a pass as SVG; it contains the pass_code."""
    return qr_svg((await one_pass(db, account_id, pass_uid)).pass_code)


async def png(db: Db, account_id: int, pass_uid: uuid.UUID) -> Png:
    """Return the QR code of a pass as PNG; it contains the pass_code."""
    return qr_png((await one_pass(db, account_id, pass_uid)).pass_code)
