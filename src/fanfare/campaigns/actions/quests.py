"""Progress of fans in quests, which are campaigns: kept by the statement that stores what a fan did.

A statement adds the CTE of `progress` and returns whether it wrote anything; if so its caller calls `settle`. If the
process is killed between the two, the rows stay due, and a job settles them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import structlog

from fanfare.campaigns.followers import SETTLE
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.locks import lock_key

log = structlog.get_logger()
Kind = Literal["campaign", "scan", "link", "registration", "check_in"]
HAS_PROGRESS = "exists (select from progress) as has_progress"
# A scan and its registration that are stored at the same time would not see each other. Where scans fulfil quests,
# whoever comes second waits, by one of these locks of the account: a scan's are shared, a registration has those of its
# key and its barcode. A quest that requires others has all of them, so that no scan completes one without seeing it.
LOCKS = 64
LOCK_ALL = "select pg_advisory_xact_lock($1::bigint + number) from generate_series(0, $2::integer - 1) as number"


def first_lock(account_id: int) -> int:
    """Return the first of the account's locks."""
    return lock_key("registrations", account_id)


async def wait_for_scans(tx: Db, account_id: int) -> None:
    """Wait for scans and registrations that are being stored, and let others wait for the end of this transaction."""
    await tx.execute(LOCK_ALL, first_lock(account_id), LOCKS)


def open_quests(kind: Kind, source: str, condition: str, moment: str) -> str:
    """Return the `from` clause with the open quests `q` that the rows `c` of a source fulfil, as `progress` has it."""
    return f"""from {source} as c
        join quests q on q.account_id = $1 and q.quest_type = '{kind}' and q.performance_uid is not null
            and {condition}
            and {moment} >= q.starts_at and {moment} < q.ends_at"""


def progress(kind: Kind, source: str, condition: str, *, moment: str, is_due: str = "true") -> str:
    """Return the CTE `progress`: what the fans of the CTE `source` did fulfils the open quests of a kind.

    A row of the source, `c`, has a fan_id that is not null, of a fan whose row the statement locks. `condition` says
    which quests `q` it fulfils, `moment` is when it happened. `is_due` is false if its transaction settles it. Once
    is enough, so whatever is repeated changes nothing.
    """
    return f"""
    progress as (
        insert into quest_progresses (account_id, fan_id, page_tab_id, progress_count, is_due)
        select distinct $1::bigint, c.fan_id, q.page_tab_id, 1, {is_due}
        {open_quests(kind, source, condition, moment)}
        order by c.fan_id, q.page_tab_id
        on conflict (account_id, fan_id, page_tab_id) do nothing
        returning fan_id
    )"""


async def settle(db: Db, account_id: int, fan_ids: Sequence[int], now: datetime) -> None:
    """Complete the quests that fans have fulfilled; part of the caller's transaction, if there is one.

    Without one, what the fans did is stored already: a failure here must not make a caller repeat it, so it is logged
    and left to the job.
    """
    if db.in_transaction:
        await SETTLE.get()(db, account_id, fan_ids, now)
        return
    try:
        await SETTLE.get()(db, account_id, fan_ids, now)
    except Exception:
        log.exception("quests_not_settled", account_id=account_id)
