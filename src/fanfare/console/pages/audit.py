"""The audit log: searched, verified, downloaded."""

import tempfile
from datetime import UTC, datetime
from urllib.parse import urlencode

import msgspec

from fanfare.console.schemas.audit import AuditPage
from fanfare.console.schemas.changes import shown_entry
from fanfare.console.shell.access import manage
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Download, View, Visit
from fanfare.staff.queries import audit as queries
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/audit"
ROWS = 50


@manage.get("/audit", area="audit")
async def audit(db: Db, member: Member, visit: Visit, query: AuditPage) -> View:
    """Show who changed or exported what, the newest first."""
    page = await queries.audit_entries(db, member.account.id, query.query(member.account.time_zone, ROWS))
    following = {"max_entry_number": page.meta.min_entry_number, **query.chosen}
    values = {
        "entries": [shown_entry(each, visit.language, member.account.time_zone) for each in page.data],
        "moments": {each.entry_number: datetime.fromtimestamp(each.occurrence_timestamp, UTC) for each in page.data},
        "query": query,
        "chosen": urlencode(query.chosen),
        "further_query": urlencode(following) if page.meta.has_more else "",
    }
    return View(f"{TEMPLATES}/audit.html", values)


@manage.get("/audit/verification", area="audit")
async def audit_verification(db: Db, member: Member) -> View:
    """Compute the hashes of the log again."""
    return View(f"{TEMPLATES}/verification.html", {"result": await queries.verification(db, member.account.id)})


@manage.get("/audit/download", area="audit", right="export", needs_proof=True)
async def audit_download(db: Db, member: Member, query: AuditPage) -> Download:
    """Download the entries that are shown, on all their pages, as JSON, one in a line."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is sent
    async for entry in queries.all_entries(db, member.account.id, query.query(member.account.time_zone)):
        file.write(msgspec.json.encode(entry) + b"\n")
    return Download(file, f"audit-{member.account.id}.jsonl", "application/x-ndjson")
