"""The fan that a page is about, as the person may see them: masked, of their businesses; after a merge who remains."""

from fanfare.fans.queries.business_limits import check_seen
from fanfare.fans.queries.fans import fan
from fanfare.fans.queries.merges import successors
from fanfare.fans.schemas.fans import Fan
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown
from fanfare.kernel.pages.page import Detour, Visit
from fanfare.staff.schemas.members import Member


async def shown_fan(db: Db, member: Member, visit: Visit, fan_id: int) -> Fan:
    """Return a fan, masked as the person's role has it; Unknown (404) fan, Detour from a merged one to who remains."""
    current_id = await current_fan_id(db, member, fan_id)
    if current_id != fan_id:
        raise Detour(visit.url.replace(f"/fans/{fan_id}", f"/fans/{current_id}", 1))
    return member.mask("fans").record(await fan(db, member.account.id, fan_id))


async def current_fan_id(db: Db, member: Member, fan_id: int) -> int:
    """Return the id of a fan, of a merged one that of who remains; Unknown (404) for one whom the person cannot see."""
    account_id = member.account.id
    try:
        await check_seen(db, account_id, fan_id, member.business_ids)
    except Unknown:
        current_id = (await successors(db, account_id, [fan_id])).get(fan_id)
        if current_id is None:
            raise
        # Of another's business it stays as unknown as it is.
        await check_seen(db, account_id, current_id, member.business_ids)
        return current_id
    return fan_id
