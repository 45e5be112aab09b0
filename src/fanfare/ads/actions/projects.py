"""Creates and deletes projects and their budget lines."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from fanfare.ads.schemas.projects import NewLine, NewProject
from fanfare.ads.topics import (
    AD_PROJECT_CREATED,
    AD_PROJECT_DELETED,
    AD_PROJECT_LINE_CREATED,
    AD_PROJECT_LINE_DELETED,
)
from fanfare.campaigns.queries.checks import check_business
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import Unknown, faults_of

CREATE = f"""
    with {HOLD},
    inserted as (
        insert into ad_projects (account_id, project_uid, project_id, project_name, business_id, created_at)
        select $1, $2, nextval('positions'), $3, $4, $5 from hold
        returning project_uid, project_id
    )
    {announce(AD_PROJECT_CREATED, "inserted", position="project_id", at="$5")}
"""  # noqa: S608 - fixed parts
DELETE = announced_deletion(
    AD_PROJECT_DELETED, "delete from ad_projects where account_id = $1 and project_uid = $2", returning="project_uid"
)
ADD_LINE = f"""
    with {HOLD},
    inserted as (
        insert into ad_project_lines (
            account_id, project_line_uid, project_line_id, project_uid, line_name, budget_amount, notes, created_at)
        select $1, $2, nextval('positions'), p.project_uid, $4, $5, $6, $7
        from hold cross join ad_projects p
        where p.account_id = $1 and p.project_uid = $3
        returning project_line_uid, project_line_id, project_uid
    ),
    announced as (
        {announce(AD_PROJECT_LINE_CREATED, "inserted", position="project_line_id", at="$7")}
    )
    select project_line_uid from inserted
"""  # noqa: S608 - fixed parts
DELETE_LINE = announced_deletion(
    AD_PROJECT_LINE_DELETED,
    "delete from ad_project_lines where account_id = $1 and project_line_uid = $2",
    returning="project_line_uid, project_uid",
)


async def create_project(db: Db, account_id: int, new: NewProject, now: datetime) -> uuid.UUID:
    """Create a project and return its uid; BadParameters (422) for an unknown business."""
    await check_business(db, account_id, new.business_id)
    project_uid = uuid.uuid4()
    await db.execute(CREATE, account_id, project_uid, new.project_name, new.business_id, now)
    return project_uid


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the error of a project's business_id, as (name, message)."""
    return await faults_of(check_business(db, account.id, values.get("business_id")))


async def delete_project(db: Db, account_id: int, project_uid: uuid.UUID, now: datetime) -> None:
    """Delete a project with its budget lines; Unknown (404)."""
    if await db.value(DELETE, account_id, project_uid, now) is None:
        raise Unknown(project=project_uid)


async def add_line(db: Db, account_id: int, new: NewLine, now: datetime) -> uuid.UUID:
    """Add a budget line and return its uid; Unknown (404) project."""
    line_uid: uuid.UUID | None = None
    try:
        line_uid = await db.value(
            ADD_LINE, account_id, uuid.uuid4(), new.project_uid, new.name, new.budget_amount, new.notes, now
        )
    except asyncpg.ForeignKeyViolationError:
        # Deleted since the statement began.
        raise Unknown(project=new.project_uid) from None
    if line_uid is None:
        raise Unknown(project=new.project_uid)
    return line_uid


async def delete_line(db: Db, account_id: int, project_line_uid: uuid.UUID, now: datetime) -> None:
    """Delete a budget line; Unknown (404)."""
    if await db.value(DELETE_LINE, account_id, project_line_uid, now) is None:
        raise Unknown(budget_line=project_line_uid)
