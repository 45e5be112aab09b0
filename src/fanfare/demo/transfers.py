"""The demo's imports and exports: run, undone and waiting, with files, a schedule, and an action on many fans.

They come after the account: exports read what is committed.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from fanfare.exports.actions import running as exports
from fanfare.exports.actions.exports import create_export
from fanfare.exports.actions.schedules import create_schedule
from fanfare.exports.schemas.exports import NewExport
from fanfare.exports.schemas.schedules import NewSchedule
from fanfare.fan_jobs.actions import running as fan_jobs
from fanfare.fan_jobs.actions.fan_jobs import create_fan_job
from fanfare.fan_jobs.schemas import NewFanJob
from fanfare.imports.actions import running as imports
from fanfare.imports.actions.imports import create_import, run_import, undo_import
from fanfare.imports.actions.uploads import receive_file
from fanfare.imports.schemas.imports import FilePart, NewImport, Run
from fanfare.kernel.callers import Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.uploads import Upload
from fanfare.kernel.folding import fold

HEADER = "email,first_name,last_name,city,province,country_code,birth_date\n"
TOWNS = (("Victoria", "BC"), ("Nanaimo", "BC"), ("Kelowna", "BC"))
WRONG = (
    "not an address,Casey,Quill,Victoria,BC,CA,1990-04-01\nlee.moss@example.com,Lee,Moss,Victoria,BC,CA,1990-13-45\n"
)
NAMES = (
    "Ada Byrne", "Ben Okoro", "Cleo Park", "Dmitri Vane", "Elsa Roth", "Femi Cole", "Gus Hale", "Hedda Lind",
    "Ivo Marsh", "Jun Sato", "Kaya Reed", "Lars Holm",
)  # fmt: skip


async def make_transfers(db: Db, account: Account, now: datetime) -> None:
    """Import three files, export two tables, schedule one, and tag some fans."""
    db = db.for_account(account.id)
    await _run(db, account, await _upload(db, account, "Season ticket renewals", _rows("renewal") + WRONG, now), now)
    mistake = await _upload(db, account, "Sponsor's guest list", _rows("guest"), now)
    await _run(db, account, mistake, now)
    await undo_import(db, account.id, mistake, now)
    await _work(db, account, now)
    waiting = await _upload(db, account, "Summer camp, parents", _rows("camp"), now)
    await run_import(db, account.id, Run(import_uid=waiting, dry_run=True), now)
    await create_export(db, account, NewExport(table="fans", name="All fans"), now)
    await create_export(db, account, NewExport(table="tickets", format="ndjson", name="Tickets for the auditor"), now)
    weekly = NewSchedule(
        table="activities", frequency="weekly", hour=6, weekday=1, retention_days=30, name="Activities, every Monday"
    )
    await create_schedule(db, account, weekly, now)
    job = NewFanJob(action="tag", tag_name="Autumn letter", fan_provinces=["BC"], crm_inactive_days=60)
    await create_fan_job(db, account, job, now)
    await _work(db, account, now)


def _rows(list_name: str) -> str:
    lines = []
    for number, name in enumerate(NAMES):
        first, _, last = name.partition(" ")
        city, province = TOWNS[number % len(TOWNS)]
        mail = fold(f"{first}.{last}.{list_name}@example.com")
        lines.append(f"{mail},{first},{last},{city},{province},CA,{1960 + 3 * number}-0{1 + number % 9}-14\n")
    return "".join(lines)


async def _upload(db: Db, account: Account, name: str, rows: str, now: datetime) -> UUID:
    """Create an import and give it its file, whose columns are found by their names."""
    import_uid = (await create_import(db, account.id, NewImport(kind="fans", name=name), now)).import_uid
    await receive_file(db, account.id, FilePart(import_uid=import_uid), Upload(_body(HEADER + rows)), now)
    return import_uid


async def _body(text: str) -> AsyncIterator[bytes]:
    yield text.encode()


async def _run(db: Db, account: Account, import_uid: UUID, now: datetime) -> None:
    await run_import(db, account.id, Run(import_uid=import_uid), now)
    await _work(db, account, now)


async def _work(db: Db, account: Account, now: datetime) -> None:
    """Do what a worker would do, until nothing is left."""
    for work in (imports.work, exports.work, fan_jobs.work):
        while await work(db, account.id, now):
            pass
