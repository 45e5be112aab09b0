"""HTTP endpoints of the audit log."""

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.web.endpoint import endpoint
from fanfare.staff.queries import audit as queries
from fanfare.staff.schemas.audit import AuditEntry, AuditMeta, AuditQuery, AuditVerification


@endpoint.get("/api/v1/manage/audit_entries", scope="manage", key=SECRET)
async def manage_audit_entries_list(db: Db, account: Account, query: AuditQuery) -> Page[AuditMeta, AuditEntry]:
    """List who changed or exported what, the newest first: by staff, and by calls of this section."""
    return await queries.audit_entries(db, account.id, query)


@endpoint.get("/api/v1/manage/audit_entries/verification", scope="manage", key=SECRET)
async def manage_audit_entries_verify(db: Db, account: Account) -> AuditVerification:
    """Compute the hashes of the audit log again, and return the first entry that is not as it was written."""
    return await queries.verification(db, account.id)
