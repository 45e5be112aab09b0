"""Reads projects and their budget lines."""

import uuid

from fanfare.ads.schemas.projects import Line, LineQuery, Project, ProjectQuery
from fanfare.kernel.data.changes import settled
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import ArrayPage, part, start
from fanfare.kernel.errors import Unknown

ONE = """
    select p.project_uid, p.account_id, p.project_name, p.business_id, lines.budget_amount, lines.line_count,
           floor(extract(epoch from p.created_at))::bigint as creation_timestamp
    from ad_projects p
    cross join lateral (
        select coalesce(sum(l.budget_amount), 0) as budget_amount, count(*) as line_count
        from ad_project_lines l
        where l.account_id = p.account_id and l.project_uid = p.project_uid) as lines
    where p.account_id = $1 and p.project_uid = $2
"""


async def projects(db: Db, account_id: int, query: ProjectQuery) -> ArrayPage[Project]:
    """Return the projects of the account in the order in which they were created."""
    cursor = start(query.cursor, "asc")
    low, high = cursor.span(await settled(db, account_id))
    rows = await db.rows(
        f"""
        select p.project_id as position, p.project_uid, p.account_id, p.project_name, p.business_id,
               lines.budget_amount, lines.line_count,
               floor(extract(epoch from p.created_at))::bigint as creation_timestamp
        from ad_projects p
        cross join lateral (
            select coalesce(sum(l.budget_amount), 0) as budget_amount, count(*) as line_count
            from ad_project_lines l
            where l.account_id = p.account_id and l.project_uid = p.project_uid) as lines
        where p.account_id = $1 and p.project_id > $2 and p.project_id < $3
        order by p.project_id {cursor.order} limit $4
        """,  # noqa: S608 - asc or desc
        account_id,
        low,
        high,
        query.limit + 1,
    )
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(Project), page.next_page)


async def project(db: Db, account_id: int, project_uid: uuid.UUID) -> Project:
    """Return a project; Unknown (404)."""
    row = await db.row(ONE, account_id, project_uid)
    if row is None:
        raise Unknown(project=project_uid)
    return Project(**row)


async def lines(db: Db, account_id: int, query: LineQuery) -> ArrayPage[Line]:
    """Return the budget lines of a project in the order in which they were added; Unknown (404) project."""
    if not await db.value(
        "select exists (select from ad_projects where account_id = $1 and project_uid = $2)",
        account_id,
        query.project_uid,
    ):
        raise Unknown(project=query.project_uid)
    cursor = start(query.cursor, "asc")
    low, high = cursor.span(await settled(db, account_id))
    rows = await db.rows(
        f"""
        select project_line_id as position, project_line_uid, project_uid, line_name as name, budget_amount, notes,
               floor(extract(epoch from created_at))::bigint as creation_timestamp
        from ad_project_lines
        where account_id = $1 and project_uid = $2 and project_line_id > $3 and project_line_id < $4
        order by project_line_id {cursor.order} limit $5
        """,  # noqa: S608 - asc or desc
        account_id,
        query.project_uid,
        low,
        high,
        query.limit + 1,
    )
    page = part(rows, query.limit, cursor, "position")
    return ArrayPage(page.read(Line), page.next_page)
