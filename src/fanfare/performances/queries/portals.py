"""Reads portals."""

import uuid

from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.kernel.errors import Unknown
from fanfare.performances.schemas.portals import MASK, Portal, PortalQuery

PORTALS = f"""
    select portal_id, portal_uid, account_id, portal_name, performance_group_name,
           case when password_hash is not null then '{MASK}' end as password, template_count as templates_created,
           floor(extract(epoch from created_at))::bigint as creation_timestamp,
           floor(extract(epoch from last_access_at))::bigint as last_access_timestamp
    from portals where account_id = $1
"""  # noqa: S608 - fixed parts
PAGE = f"{PORTALS} and portal_id > $2 and portal_id < $3 order by portal_id {{order}} limit $4"


async def portals(db: Db, account_id: int, query: PortalQuery) -> ArrayPage[Portal]:
    """Return the portals of the account in the order in which they were created."""
    cursor = start(query.cursor, "asc")
    low, high = cursor.span(await settled(db, account_id))
    rows = await db.rows(PAGE.format(order=cursor.order), account_id, low, high, query.limit + 1)
    page = part(rows, query.limit, cursor, "portal_id")
    return ArrayPage(page.read(Portal), page.next_page)


async def portal(db: Db, account_id: int, portal_uid: uuid.UUID) -> Portal:
    """Return one portal; Unknown (404)."""
    row = await db.row(f"{PORTALS} and portal_uid = $2", account_id, portal_uid)
    if row is None:
        raise Unknown(portal=portal_uid)
    return Portal(**{name: value for name, value in row.items() if name != "portal_id"})
