"""Creates and deletes reports, and stores when one was read."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fanfare.campaigns.queries.checks import check_business
from fanfare.kernel.callers import Account
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import Delivery
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.errors import BadParameters, Conflict, Unknown, faults_of
from fanfare.reports.queries import data, reports
from fanfare.reports.schemas.reports import NewReport, Report, ReportData
from fanfare.reports.topics import REPORT_CREATED, REPORT_DELETED

MAX_REPORTS = 1000


class TooManyReports(Conflict):
    """The account has 1,000 reports; delete those that nobody reads"""


CREATE = Sql(f"""
    with {HOLD},
    inserted as (
        insert into reports (account_id, report_uid, report_id, report_name, report_type, start_date, end_date, options,
                             business_id, created_at)
        select $1, :report_uid, nextval('positions'), :report_name, :report_type, :start_date, :end_date, :options,
               :business_id, :now
        from hold
        where (select count(*) from reports where account_id = $1) < :most
        returning report_uid, report_id
    ),
    announced as (
        {announce(REPORT_CREATED, "inserted", position="report_id", at=":now")}
    )
    select report_uid from inserted
""")  # noqa: S608 - fixed parts
DELETE = announced_deletion(
    REPORT_DELETED, "delete from reports where account_id = $1 and report_uid = $2", returning="report_uid"
)
# Not more than once a second: that is what is shown, and many can read a report at once.
ACCESS = """
    update reports set accessed_at = $3
    where account_id = $1 and report_uid = $2
      and (accessed_at is null or accessed_at < date_trunc('second', $3::timestamptz))
"""


async def create_report(db: Db, account: Account, new: NewReport, now: datetime) -> uuid.UUID:
    """Create a report and return its uid.

    It is read once, so that one that cannot be read is refused: BadParameters (422) for what it is about and for an
    unknown business; TooManyReports (409).
    """
    await check_business(db, account.id, new.business_id)
    report_uid, options = uuid.uuid4(), new.options or {}
    report = Report(
        report_uid, new.report_name, new.report_type, new.start_date, new.end_date, None, options, new.business_id
    )
    try:
        await data.report_data(db, account, report, now)
    except data.NoSubject as missing:
        raise BadParameters([("options", missing.detail)]) from None
    is_created = await db.value(
        CREATE,
        account.id,
        report_uid=report_uid,
        report_name=new.report_name,
        report_type=new.report_type,
        start_date=new.start_date,
        end_date=new.end_date,
        options=options,
        business_id=new.business_id,
        most=MAX_REPORTS,
        now=now,
    )
    if is_created is None:
        raise TooManyReports
    return report_uid


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the error of a report's business_id, as (name, message)."""
    return await faults_of(check_business(db, account.id, values.get("business_id")))


async def delete_report(db: Db, account_id: int, report_uid: uuid.UUID, now: datetime) -> None:
    """Delete a report with its links; Unknown (404)."""
    if await db.value(DELETE, account_id, report_uid, now) is None:
        raise Unknown(report=report_uid)


async def read_report(db: Db, account: Account, report_uid: uuid.UUID, now: datetime, delivery: Delivery) -> ReportData:
    """Return a report with its data, and store that it was read, but not for a HEAD request; Unknown (404)."""
    report = await reports.report(db, account.id, report_uid)
    result = await data.report_data(db, account, report, now)
    if delivery.has_body:
        await store_access(db, account.id, report_uid, now)
    return result


async def store_access(db: Db, account_id: int, report_uid: uuid.UUID, now: datetime) -> None:
    """Store when the data of a report was read."""
    await db.execute(ACCESS, account_id, report_uid, now)
