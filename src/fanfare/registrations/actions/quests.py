"""Progress in quests by registrations, scans and passes that are checked in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from fanfare.campaigns.actions.quests import progress, settle
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import WRITE_ATTEMPTS, Db
from fanfare.kernel.data.locks import lock_key
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unavailable
from fanfare.registrations.queries.registrations import performance_of
from fanfare.registrations.queries.scans import HOLDER, REGISTRATION

# Which quests `q` a pass `c` that is checked in fulfils.
CHECK_IN_QUESTS = """(q.target_page_tab_id = c.page_tab_id or q.target_page_tab_id is null and exists (
                select from performances p
                where p.account_id = $1 and p.performance_uid = q.performance_uid
                  and p.campaign_event_key = c.event_key))"""
# Which quests `q` a registration `c` fulfils.
REGISTRATION_QUESTS = f"q.performance_uid = (select performance_uid from ({performance_of('c')}) as p)"  # noqa: S608 - fixed parts
HAS_SCAN_QUESTS = """exists (
        select from quests q where q.account_id = $1 and q.quest_type = 'scan' and q.performance_uid is not null)"""


def holders(fan_id: str) -> str:
    """Return the CTE with the holders of passes in the CTE `checked_in`, locked against erasure."""
    return f"""
    holders as materialized (
        select f.fan_id, e.page_tab_id, e.event_key, e.checked_in_at
        from checked_in e join fans f on f.account_id = $1 and f.fan_id = {fan_id}
        for key share of f
    )"""  # noqa: S608 - a column


# A scan and its registration that are stored at the same time would not see each other. Where scans fulfil quests,
# whoever comes second waits, by one of these locks of the account: a scan's are shared, a registration has those of its
# key and its barcode.
LOCKS = 64


def lock_number(key: str) -> str:
    """Return the SQL of the number of a lock, by the SQL of what scan and registration have in common."""
    return f"(hashtext({key}) & {LOCKS - 1})"


LOCK_REGISTRATION = f"""
    select pg_advisory_xact_lock($2::bigint + number) from (
        select distinct {lock_number("$3 || ':' || code")} as number from unnest($4::text[]) as code
        where {HAS_SCAN_QUESTS} order by 1) as numbers
"""  # noqa: S608 - fixed parts
# The CTE `locks`, which locks the scans in the CTE `inserted`; $4 is the first lock.
LOCK_SCANS = f"""
    locks as materialized (
        select pg_advisory_xact_lock_shared($4::bigint + number) as is_locked from (
            select distinct {lock_number("network || ':' || coalesce(registration_key, barcode)")} as number
            from inserted
            where coalesce(registration_key, barcode) is not null and {HAS_SCAN_QUESTS} order by 1) as numbers
    )"""  # noqa: S608 - fixed parts


def first_lock(account_id: int) -> int:
    """Return the first of the account's locks."""
    return lock_key("registrations", account_id)


async def lock_registration(tx: Db, account_id: int, network: str, codes: Sequence[str | None]) -> None:
    """Wait for scans of a registration that are being stored; part of the transaction that stores it."""
    await tx.execute(LOCK_REGISTRATION, account_id, first_lock(account_id), network, [code for code in codes if code])


# Scans are matched with quests first, as few of them are of any; folding a text costs more than all comparisons.
SCANS = f"""
    with new_scans as materialized (
        select s.account_id, s.network, s.registration_key, s.barcode, s.event_key, s.event_date, s.scanned_at,
               s.pass_uid, fold_text(s.scan_group_name) as group_key, fold_text(s.site_name) as site_key
        from scans s where s.account_id = $1 and {{scans}} and s.is_success
    ),
    matches as materialized (
        select coalesce(r.fan_id, p.claim_fan_id, p.fan_id) as fan_id, q.page_tab_id, s.scanned_at
        from new_scans s
        join quests q on q.account_id = $1 and q.quest_type = 'scan' and q.performance_uid is not null
            and (q.scan_group_keys = '{{{{}}}}' or s.group_key = any(q.scan_group_keys))
            and (q.site_key is null or q.site_key = s.site_key)
            and s.scanned_at >= q.starts_at and s.scanned_at < q.ends_at
        {REGISTRATION}
        {HOLDER}
    ),
    present as materialized (
        select f.fan_id from fans f
        where f.account_id = $1 and f.fan_id in (select fan_id from matches)
        order by f.fan_id
        for key share
    ),
    fulfilled as (
        select m.fan_id, m.page_tab_id, m.scanned_at from matches m join present on present.fan_id = m.fan_id
    ),
    {progress("scan", "fulfilled", "q.page_tab_id = c.page_tab_id", moment="c.scanned_at", is_due="false")}
    select fan_id, true as is_present from progress
    union all
    select fan_id, false from matches where fan_id is not null and fan_id not in (select fan_id from present)
"""  # noqa: S608 - fixed parts
BY_KEY = Sql(SCANS.format(scans="s.scan_key = any(:scan_keys::bigint[])"))
BY_REGISTRATION = Sql(
    SCANS.format(
        scans="""s.network = :network
          and (s.registration_key = :registration_key or s.registration_key is null and s.barcode = (
              select g.barcode from registrations g
              where g.account_id = $1 and g.network = :network and g.registration_key = :registration_key))"""
    )
)


async def follow_scans(tx: Db, account: Account, scan_keys: Sequence[int], now: datetime) -> set[int]:
    """Write the progress of the fans of scans and return those with any; part of the caller's transaction."""
    return await _follow(tx, account, BY_KEY, {"scan_keys": list(scan_keys)}, now)


async def follow_registration(
    tx: Db, account: Account, key: tuple[str, str], owner: int, *, row: tuple[bool, bool], now: datetime
) -> None:
    """Settle what a registration fulfils, with scans that came before it; part of the caller's transaction."""
    has_progress, has_scan_quests = row
    fan_ids = {owner} if has_progress else set()
    if has_scan_quests:
        network, registration_key = key
        names = {"network": network, "registration_key": registration_key}
        fan_ids |= await _follow(tx, account, BY_REGISTRATION, names, now)
    if fan_ids:
        await settle(tx, account.id, sorted(fan_ids), now)


async def _follow(tx: Db, account: Account, statement: Sql, names: Mapping[str, object], now: datetime) -> set[int]:
    ahead = now.astimezone(ZoneInfo(account.time_zone)).utcoffset()
    fan_ids: set[int] = set()
    for _ in range(WRITE_ATTEMPTS):
        rows = await tx.rows(statement, account.id, **names, ahead=ahead)
        fan_ids |= {row["fan_id"] for row in rows if row["is_present"]}
        if all(row["is_present"] for row in rows):
            return fan_ids
        # Merged since the statement began; the next one finds the fan who remains.
    raise Unavailable
