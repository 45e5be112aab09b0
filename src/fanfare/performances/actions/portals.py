"""Creates, updates and deletes portals, and lets their visitors in."""

import uuid
from datetime import datetime
from typing import Any

from fanfare.fans.actions.passwords import password_hash
from fanfare.kernel.addresses import subscriber
from fanfare.kernel.callers import Account, Caller
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.updates import assignments, sent_fields
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.performances.actions.performances import create_performance
from fanfare.performances.schemas.performances import NewPerformance, PerformanceFields
from fanfare.performances.schemas.portals import NewPortal, NewTemplate, OpenPortal, PortalChanges, PortalVisit
from fanfare.performances.topics import PORTAL_CREATED, PORTAL_DELETED, PORTAL_UPDATED
from fanfare.sessions.actions.budgets import FAILURES, PASSWORDS, Attempt
from fanfare.sessions.actions.password_checks import check_password

COLUMNS = ("portal_name", "performance_group_name", "password_hash")
CREATE = f"""
    with {HOLD},
    saved as (
        insert into portals (account_id, portal_uid, portal_id, created_at, updated_at, {", ".join(COLUMNS)})
        select $1, $2, nextval('positions'), $4, $4, {", ".join(COLUMNS)}
        from hold cross join jsonb_populate_record(null::portals, $3)
        returning portal_uid, portal_id
    )
    {announce(PORTAL_CREATED, "saved", position="portal_id", at="$4")}
"""  # noqa: S608 - fixed parts
CHANGE = f"""
    with {HOLD},
    saved as (
        update portals p
        set {assignments(COLUMNS, "p", "$3")}, updated_at = $4
        where p.account_id = $1 and p.portal_uid = $2
        returning p.portal_uid
    ),
    announced as (
        {announce(PORTAL_UPDATED, "saved", at="$4", fields="$5::text[]")}
    )
    select portal_uid from saved
"""  # noqa: S608 - fixed parts
DELETE = announced_deletion(
    PORTAL_DELETED, "delete from portals where account_id = $1 and portal_uid = $2", returning="portal_uid"
)
# A password that was changed since it was checked lets nobody in.
VISIT = """
    update portals set last_access_at = greatest(last_access_at, $3), template_count = template_count + $4
    where account_id = $1 and portal_uid = $2 and password_hash is not distinct from $5
    returning portal_uid, portal_name, performance_group_name
"""


class WrongPortalPassword(BadParameters):
    """The password of the portal is wrong"""


async def create_portal(db: Db, account_id: int, new: NewPortal, now: datetime) -> uuid.UUID:
    """Create a portal and return its uid."""
    portal_uid = uuid.uuid4()
    await db.execute(CREATE, account_id, portal_uid, await _record(account_id, new), now)
    return portal_uid


async def change_portal(db: Db, account_id: int, changes: PortalChanges, now: datetime) -> uuid.UUID:
    """Update a portal and return its uid; Unknown (404)."""
    record = await _record(account_id, changes)
    fields = ["password" if name == "password_hash" else name for name in record]
    if await db.value(CHANGE, account_id, changes.portal_uid, record, now, fields) is None:
        raise Unknown(portal=changes.portal_uid)
    return changes.portal_uid


async def _record(account_id: int, new: NewPortal | PortalChanges) -> dict[str, Any]:
    """Return the values by column, with the password as a hash; None removes it."""
    fields = sent_fields(new)
    fields.pop("portal_uid", None)
    if "password" in fields:
        password = fields.pop("password")
        fields["password_hash"] = await password_hash(account_id, password) if password else None
    return fields


async def delete_portal(db: Db, account_id: int, portal_uid: uuid.UUID, now: datetime) -> None:
    """Delete a portal; performances created through it stay. Unknown (404)."""
    if await db.value(DELETE, account_id, portal_uid, now) is None:
        raise Unknown(portal=portal_uid)


async def visit_portal(db: Db, account: Account, caller: Caller, visit: PortalVisit, now: datetime) -> OpenPortal:
    """Let a visitor in, who gave the password if the portal has one, and return what the visitor sees.

    Unknown (404) portal; WrongPortalPassword (422); TooManyAttempts (429).
    """
    stored_hash = await _check(db, account, caller, visit, now)
    return await _enter(db, account.id, visit.portal_uid, stored_hash, 0, now)


async def create_template(db: Db, account: Account, caller: Caller, new: NewTemplate, now: datetime) -> uuid.UUID:
    """Create a performance in the group of a portal and return its uid; errors as `visit_portal`."""
    stored_hash = await _check(db, account, caller, PortalVisit(portal_uid=new.portal_uid, password=new.password), now)
    fields = {name: getattr(new, name) for name in PerformanceFields.__struct_fields__}
    async with db.transaction() as tx:
        portal = await _enter(tx, account.id, new.portal_uid, stored_hash, 1, now)
        performance = NewPerformance(**fields, performance_group_name=portal.performance_group_name)
        return await create_performance(tx, account.id, performance, now)


async def _check(db: Db, account: Account, caller: Caller, visit: PortalVisit, now: datetime) -> str | None:
    """Return the hash of the portal's password, which the visitor gave; errors as `visit_portal`."""
    row = await db.row(
        "select password_hash from portals where account_id = $1 and portal_uid = $2", account.id, visit.portal_uid
    )
    if row is None:
        raise Unknown(portal=visit.portal_uid)
    stored_hash: str | None = row["password_hash"]
    if stored_hash is None:
        return None
    if not visit.password:
        raise WrongPortalPassword([("password", "is required")])
    attempts = [Attempt(PASSWORDS, f"portal {visit.portal_uid}")]
    if not caller.is_server:
        attempts.append(Attempt(FAILURES, subscriber(caller.address)))
    if not await check_password(db, account.id, attempts, stored_hash, visit.password, now):
        raise WrongPortalPassword([("password", "is wrong")])
    return stored_hash


async def _enter(
    db: Db, account_id: int, portal_uid: uuid.UUID, stored_hash: str | None, templates: int, now: datetime
) -> OpenPortal:
    row = await db.row(VISIT, account_id, portal_uid, now, templates, stored_hash)
    if row is None:
        raise WrongPortalPassword([("password", "was changed in this moment")])
    return OpenPortal(**row)
