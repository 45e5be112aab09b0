"""Whether a campaign or fan is there: an empty answer must not hide a wrong id."""

from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown


async def check_campaign(db: Db, account_id: int, page_tab_id: int) -> None:
    """Refuse a campaign that is not there."""
    known = "select true from campaigns where account_id = $1 and page_tab_id = $2"
    if not await db.value(known, account_id, page_tab_id):
        raise Unknown(campaign=page_tab_id)


async def has_fan(db: Db, account_id: int, fan_id: int) -> bool:
    """Say whether a fan is there; in a transaction the fan stays until its end."""
    known = "select true from fans where account_id = $1 and fan_id = $2 for key share"
    return bool(await db.value(known, account_id, fan_id))
