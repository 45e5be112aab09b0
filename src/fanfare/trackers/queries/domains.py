"""Reads virtual domains."""

from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.trackers.schemas.domains import Domain, DomainQuery

TXT_PREFIX, TXT_VALUE = "_fanfare.", "fanfare-domain="
PAGE = f"""
    select domain_id as position, domain_id, account_id, host as virtual_domain,
           confirmed_at is not null as is_confirmed, is_secure, check_fault, '{TXT_PREFIX}' || host as txt_name,
           '{TXT_VALUE}' || confirmation_token as txt_value,
           floor(extract(epoch from created_at))::bigint as creation_timestamp,
           floor(extract(epoch from checked_at))::bigint as check_timestamp
    from tracker_domains
    where account_id = $1 and domain_id > $2 and domain_id < $3
    order by domain_id {{order}} limit $4
"""  # noqa: S608 - fixed parts


async def is_confirmed(db: Db, account_id: int, host: str) -> bool:
    """Return whether links of the account redirect on a host."""
    answer: bool = await db.value(
        """
        select exists (
            select from tracker_domains where account_id = $1 and host = $2 and confirmed_at is not null)
        """,
        account_id,
        host,
    )
    return answer


async def domains(db: Db, account_id: int, query: DomainQuery) -> ArrayPage[Domain]:
    """Return the virtual domains of the account in the order in which they were added."""
    cursor = start(query.cursor, "asc")
    low, high = cursor.span(await settled(db, account_id))
    rows = await db.rows(PAGE.format(order=cursor.order), account_id, low, high, query.limit + 1)
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(Domain), page.next_page)
