"""Progress in quests by registrations, scans and passes that are checked in."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from fanfare.campaigns.actions.quests import LOCKS, first_lock, settle
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import WRITE_ATTEMPTS, Db, Record
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import Unavailable
from fanfare.kernel.wire.zones import zone_of
from fanfare.performances.actions.settling import pay_completed
from fanfare.performances.topics import QUEST_COMPLETED
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


def lock_number(key: str) -> str:
    """Return the SQL of the number of a lock, by the SQL of what scan and registration have in common."""
    return f"(hashtext({key}) & {LOCKS - 1})"


LOCK_REGISTRATIONS = f"""
    select pg_advisory_xact_lock($2::bigint + number) from (
        select distinct {lock_number("network || ':' || code")} as number
        from unnest($3::text[], $4::text[]) as c (network, code)
        where {HAS_SCAN_QUESTS} order by 1) as numbers
"""  # noqa: S608 - fixed parts
# The CTE `locks`, which locks the scans in the CTE `inserted`; $4 is the first lock.
LOCK_SCANS = f"""
    locks as materialized (
        select pg_advisory_xact_lock_shared($4::bigint + number) as is_locked from (
            select distinct {lock_number("network || ':' || coalesce(registration_key, barcode, '')")} as number
            from inserted where {HAS_SCAN_QUESTS} order by 1) as numbers
    )"""  # noqa: S608 - fixed parts


async def lock_registrations(tx: Db, account_id: int, codes: Iterable[tuple[str, str | None]]) -> None:
    """Wait for scans of registrations that are being stored; part of the transaction that stores these.

    `codes` are networks with keys and barcodes.
    """
    pairs = [(network, code) for network, code in codes if code]
    networks, names = [network for network, _ in pairs], [code for _, code in pairs]
    await tx.execute(LOCK_REGISTRATIONS, account_id, first_lock(account_id), networks, names)


# The columns of the CTE `followed` of SCANS.
FOLLOWED = (
    "fan_id", "is_present", "is_completed", "page_tab_id", "performance_uid", "point_uid", "fan_points_reward",
    "reward_type", "opens",
)  # fmt: skip
# Scans are matched with quests by their places, of which a batch has few: folding a text costs more than all
# comparisons. What a fan has fulfilled before costs a look into the index; only whoever has new progress is locked, so
# that those who complete quests of a fan wait for each other. What nothing restricts and what opens no other quest is
# completed here.
SCANS = f"""
    new_scans as materialized (
        select s.account_id, s.network, s.registration_key, s.barcode, s.event_key, s.event_date, s.scanned_at,
               s.pass_uid, coalesce(s.scan_group_name, '') as group_name, coalesce(s.site_name, '') as site_name
        from scans s where s.account_id = $1 and {{scans}} and s.is_success
    ),
    places as materialized (
        select group_name, site_name, fold_text(group_name) as group_key, fold_text(site_name) as site_key
        from new_scans group by group_name, site_name
    ),
    targets as materialized (
        select places.group_name, places.site_name, q.page_tab_id, q.starts_at, q.ends_at, q.performance_uid,
               q.point_uid, q.fan_points_reward, q.reward_type,
               q.access_restriction_type = 'none' and not exists (
                   select from quest_requirements r
                   where r.account_id = $1 and r.required_page_tab_id = q.page_tab_id) as is_simple
        from quests q
        join places on (q.scan_group_keys = '{{{{}}}}' or places.group_key = any(q.scan_group_keys))
            and (q.site_key is null or q.site_key = places.site_key)
        where q.account_id = $1 and q.quest_type = 'scan' and q.performance_uid is not null
    ),
    matches as materialized (
        select distinct holder.fan_id, t.page_tab_id
        from targets t
        join new_scans s on s.group_name = t.group_name and s.site_name = t.site_name
            and s.scanned_at >= t.starts_at and s.scanned_at < t.ends_at
        {REGISTRATION}
        {HOLDER}
        cross join lateral (select coalesce(r.fan_id, p.claim_fan_id, p.fan_id) as fan_id) as holder
        where holder.fan_id is not null
    ),
    inserted as (
        insert into quest_progresses (
            account_id, fan_id, page_tab_id, progress_count, is_due, completed_at, completion_id)
        select $1, m.fan_id, m.page_tab_id, 1, false,
               case when t.is_simple then :now::timestamptz end,
               case when t.is_simple then nextval('positions') end
        from matches m join (select distinct page_tab_id, is_simple from targets) as t on t.page_tab_id = m.page_tab_id
        order by m.fan_id, m.page_tab_id
        on conflict (account_id, fan_id, page_tab_id) do nothing
        returning fan_id, page_tab_id, completed_at, completion_id
    ),
    present as materialized (
        select f.fan_id from fans f
        where f.account_id = $1 and f.fan_id in (select fan_id from inserted)
        order by f.fan_id
        for no key update
    ),
    progress as materialized (
        select i.fan_id, i.page_tab_id, i.completion_id, i.completed_at is not null as is_completed,
               t.performance_uid, t.point_uid, t.fan_points_reward, t.reward_type
        from inserted i
        join present on present.fan_id = i.fan_id
        join (select distinct page_tab_id, performance_uid, point_uid, fan_points_reward, reward_type
              from targets) as t on t.page_tab_id = i.page_tab_id
    ),
    announced as (
        {announce(QUEST_COMPLETED, "progress where is_completed", position="completion_id", at=":now")}
    ),
    followed as (
        select fan_id, true as is_present, is_completed, page_tab_id, performance_uid, point_uid, fan_points_reward,
               reward_type, false as opens
        from progress
        union all
        select fan_id, false, false, page_tab_id, null, null, null, null, false
        from inserted where fan_id not in (select fan_id from present)
    )
"""  # noqa: S608 - fixed parts
BY_REGISTRATIONS = Sql(
    f"with {HOLD}, {SCANS} select * from followed".format(  # noqa: S608 - fixed parts
        scans="""s.scan_key in (
            select t.scan_key
            from unnest(:networks::text[], :registration_keys::text[]) as k (network, registration_key)
            cross join lateral (
                select scan_key from scans
                where account_id = $1 and network = k.network and registration_key = k.registration_key
                union all
                select w.scan_key from registrations g
                join scans w on w.account_id = $1 and w.network = g.network and w.barcode = g.barcode
                    and w.registration_key is null
                where g.account_id = $1 and g.network = k.network and g.registration_key = k.registration_key) t)"""
    )
)


async def follow_registrations(
    tx: Db, account: Account, keys: Sequence[tuple[str, str]], fan_ids: Iterable[int], now: datetime
) -> None:
    """Settle what registrations fulfil, with scans that came before them; part of the caller's transaction.

    `keys` are networks and keys of those that may have scans, `fan_ids` the fans who made progress by registering.
    """
    due = set(fan_ids)
    if keys:
        names = {"networks": [network for network, _ in keys], "registration_keys": [key for _, key in keys]}
        followed, _ = await follow(tx, account, BY_REGISTRATIONS, names, now)
        due |= followed
    if due:
        await settle(tx, account.id, sorted(due), now)


# The fan was merged or erased after the statement began.
REMOVE = """
    delete from quest_progresses p using unnest($2::bigint[], $3::bigint[]) as d (fan_id, page_tab_id)
    where p.account_id = $1 and p.fan_id = d.fan_id and p.page_tab_id = d.page_tab_id
"""


async def follow(
    tx: Db, account: Account, statement: Sql, names: Mapping[str, object], now: datetime
) -> tuple[set[int], list[Record]]:
    """Run a statement with SCANS, and pay for what it completes; return the fans to settle, and its rows."""
    ahead = now.astimezone(zone_of(account.time_zone)).utcoffset()
    progress: list[Record] = []
    for _ in range(WRITE_ATTEMPTS):
        rows = await tx.rows(statement, account.id, **names, ahead=ahead, now=now)
        progress += [row for row in rows if row["is_present"]]
        absent = [row for row in rows if row["is_present"] is False]
        if not absent:
            break
        # The next attempt finds the fan who remains.
        pairs = [row["fan_id"] for row in absent], [row["page_tab_id"] for row in absent]
        await tx.execute(REMOVE, account.id, *pairs)
    else:
        raise Unavailable
    completed = [row for row in progress if row["is_completed"]]
    fan_ids = {row["fan_id"] for row in progress if not row["is_completed"]}
    if completed and await pay_completed(tx, account.id, completed, now):
        fan_ids |= {row["fan_id"] for row in completed}
    return fan_ids, rows
