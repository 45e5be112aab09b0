"""Which campaigns a person sees: those of their businesses, if they are limited to some."""

import uuid
from datetime import datetime

from fanfare.campaigns.queries.managed import managed_campaign
from fanfare.campaigns.schemas.managed import ManagedCampaign
from fanfare.draws.queries.draws import draw as draw_by_uid
from fanfare.draws.schemas import Draw
from fanfare.fans.queries.fans import fans_by_ids
from fanfare.fans.schemas.fans import Fan
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.staff.schemas.members import Member

AREA = "campaigns"


async def visible_campaign(db: Db, member: Member, page_tab_id: int, now: datetime) -> ManagedCampaign:
    """Return a campaign that the person may see; Unknown (404)."""
    campaign = await managed_campaign(db, member.account.id, page_tab_id, now)
    member.require_business(campaign.business_id, campaign=page_tab_id)
    return campaign


async def visible_draw(
    db: Db, member: Member, page_tab_id: int, draw_uid: uuid.UUID, now: datetime
) -> tuple[ManagedCampaign, Draw]:
    """Return a draw and its campaign, which the person may see; Unknown (404)."""
    campaign = await visible_campaign(db, member, page_tab_id, now)
    draw = await draw_by_uid(db, member.account.id, draw_uid)
    if draw.page_tab_id != page_tab_id:
        raise Unknown(draw=draw_uid)
    return campaign, draw


async def shown_fans(db: Db, member: Member, fan_ids: set[int]) -> dict[int, Fan]:
    """Return fans by their ids as the person may see them, masked where needed."""
    fans = await fans_by_ids(db, member.account.id, sorted(fan_ids)) if fan_ids else []
    mask = member.mask(AREA)
    return {fan.fan_id: mask.record(fan) for fan in fans}


def campaign_path(member: Member, page_tab_id: int) -> str:
    """Return the path of a campaign."""
    return f"/manage/{member.account.id}/campaigns/{page_tab_id}"
