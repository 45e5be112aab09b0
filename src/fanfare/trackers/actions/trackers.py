"""Creates, changes, ends and deletes trackers."""

import string
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from fanfare.campaigns.queries.checks import check_campaign_field
from fanfare.fans.actions.passwords import password_hash
from fanfare.kernel.callers import Account
from fanfare.kernel.clock import system_random
from fanfare.kernel.data.announcements import HOLD, announce
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.jobs import enqueue
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import BadParameters, Conflict, Unknown, faults_of
from fanfare.trackers.queries.domains import is_confirmed
from fanfare.trackers.queries.hosts import LOOPBACK, host_of, link_host, shared_host
from fanfare.trackers.queries.links import SHARED_HOST, domain_of
from fanfare.trackers.schemas.trackers import UTM, NewTracker, TrackerChanges, TrackerSaved
from fanfare.trackers.topics import TRACKER_CREATED, TRACKER_DELETED, TRACKER_UPDATED

# 62 ** 8 keys: nobody finds one by trying.
KEY_LENGTH, ATTEMPTS = 8, 5
ALPHABET = string.digits + string.ascii_letters
CLICKS_JOB = "trackers.delete_clicks"
COLUMNS = Columns(
    TrackerChanges,
    key=("tracker_id",),
    other_tables=UTM,
    names={"expiration_timestamp": "expires_at", "password": "password_hash"},
)


class TrackerKeyTaken(Conflict):
    """Another tracker of this domain has this key"""


CREATE = f"""
    with {HOLD},
    created as (
        insert into trackers (account_id, tracker_id, host, tracker_key, utm_params, created_at, updated_at, {COLUMNS})
        select $1, nextval('positions'), $3, $4, $5, $6, $6, {COLUMNS}
        from hold cross join jsonb_populate_record(null::trackers, $2)
        returning tracker_id
    ),
    announced as (
        {announce(TRACKER_CREATED, "created", position="tracker_id", at="$6")}
    )
    select tracker_id from created
"""  # noqa: S608 - fixed parts
CHANGE = f"""
    with {HOLD},
    changed as (
        update trackers as t
        set {COLUMNS.assignments("t", "$3")}, version = version + 1, updated_at = $4,
            utm_params = jsonb_strip_nulls(utm_params || $6)
        where t.account_id = $1 and t.tracker_id = $2
        returning t.tracker_id
    ),
    announced as (
        {announce(TRACKER_UPDATED, "changed", at="$4", fields="$5::text[]")}
    )
    select tracker_id from changed
"""  # noqa: S608 - fixed parts
DELETE = f"""
    with {HOLD},
    deleted as (delete from trackers where account_id = $1 and tracker_id = $2 returning tracker_id),
    announced as (
        {announce(TRACKER_DELETED, "deleted", at="$3")}
    )
    select tracker_id from deleted
"""  # noqa: S608 - fixed parts


async def domain_host(db: Db, account_id: int, virtual_domain: str) -> str:
    """Return the host of a domain as trackers name it; BadParameters (422) unless links on it redirect."""
    if virtual_domain == shared_host() or host_of(virtual_domain) in {host_of(shared_host()), *LOOPBACK}:
        return SHARED_HOST
    host = host_of(virtual_domain)
    if not await is_confirmed(db, account_id, host):
        message = f"must be {shared_host()} or a virtual domain of this account that is confirmed"
        raise BadParameters([("virtual_domain", message)])
    return host


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the errors of a tracker's virtual_domain, page_tab_id and target_url, as (name, message)."""
    checks = [check_campaign_field(db, account.id, values.get("page_tab_id"))]
    if domain := values.get("virtual_domain"):
        checks.append(_check_domain(db, account.id, domain))
    if target_url := values.get("target_url"):
        checks.append(_check_target(db, target_url))
    return await faults_of(*checks)


async def _check_domain(db: Db, account_id: int, virtual_domain: str) -> None:
    await domain_host(db, account_id, virtual_domain)


async def _check_target(db: Db, target_url: str) -> None:
    """Refuse (422) a target that is a link of ours: links that lead to each other would lead nowhere."""
    parts = urlsplit(target_url)
    if _segments(parts.path)[:1] != ["trk"]:
        return
    host = link_host(parts.netloc)
    if host == SHARED_HOST or await domain_of(db, host):
        raise BadParameters([("target_url", "must not be a link of a tracker")])


def _segments(path: str) -> list[str]:
    """Return the segments of a path as a browser and the router read it: decoded, without dots and empty ones."""
    segments: list[str] = []
    for segment in unquote(path).split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return segments


async def create_tracker(db: Db, account_id: int, new: NewTracker, now: datetime) -> TrackerSaved:
    """Create a tracker; TrackerKeyTaken (409) for a key that the domain has. Refuses (422) an unknown domain."""
    host = await domain_host(db, account_id, new.virtual_domain)
    await _check_target(db, new.target_url)
    await check_campaign_field(db, account_id, new.page_tab_id)
    values = {name: getattr(new, name) for name in COLUMNS.by_field}
    utm = {name: value for name, value in new.utm().items() if value}
    values["password"] = await password_hash(account_id, new.password) if new.password else None
    domain = host or shared_host()
    for _ in range(1 if new.tracker_key else ATTEMPTS):
        key = new.tracker_key or "".join(system_random().choices(ALPHABET, k=KEY_LENGTH))
        try:
            tracker_id: int = await db.value(CREATE, account_id, COLUMNS.record(values), host, key, utm, now)
        except asyncpg.UniqueViolationError:
            continue
        return TrackerSaved(tracker_id, domain, key)
    raise TrackerKeyTaken


async def change_tracker(db: Db, account_id: int, changes: TrackerChanges, now: datetime) -> None:
    """Change the fields that were sent; Unknown (404) tracker, BadParameters (422) for an unknown campaign."""
    fields = COLUMNS.sent_fields(changes)
    if changes.target_url:
        await _check_target(db, str(changes.target_url))
    await check_campaign_field(db, account_id, fields.get("page_tab_id"))
    if password := fields.get("password"):
        fields["password"] = await password_hash(account_id, password)
    record, names = COLUMNS.record(fields), sorted(fields)
    if await db.value(CHANGE, account_id, changes.tracker_id, record, now, names, changes.utm()) is None:
        raise Unknown(tracker=changes.tracker_id)


async def delete_tracker(db: Db, account_id: int, tracker_id: int, now: datetime) -> None:
    """Delete a tracker with its figures, and by a job its clicks; its sales stay, and belong to none. Unknown (404)."""
    async with db.transaction() as tx:
        if await tx.value(DELETE, account_id, tracker_id, now) is None:
            raise Unknown(tracker=tracker_id)
        await enqueue(tx, CLICKS_JOB, tracker_id)
