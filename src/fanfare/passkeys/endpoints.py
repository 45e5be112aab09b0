"""Over HTTP: the origins at which fans may use passkeys. Those of fans are in `sessions`, above."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.passkeys import queries
from fanfare.passkeys.actions import origins
from fanfare.passkeys.schemas.origins import NewOrigin, OneOrigin, Origin


@endpoint.get("/api/v1/manage/passkey_origins", scope="manage", key=SECRET)
async def manage_passkey_origins_list(db: Db, account: Account) -> list[Origin]:
    """List the origins at which fans may add and use passkeys, the installation's own pages first."""
    return await queries.origins(db, account.id)


@endpoint.post("/api/v1/manage/passkey_origins", scope="manage", key=SECRET)
async def manage_passkey_origins_create(db: Db, account: Account, new: NewOrigin, now: datetime) -> Origin:
    """Let fans add and use passkeys at an origin: pages of the account's own, or an app."""
    return await origins.add_origin(db, account.id, new, now)


@endpoint.delete("/api/v1/manage/passkey_origins/{passkey_origin_id}", scope="manage", key=SECRET)
async def manage_passkey_origins_delete(db: Db, account: Account, target: OneOrigin, now: datetime) -> bool:
    """Let fans no longer use passkeys at an origin. Their passkeys stay, for the other origins of the same host."""
    await origins.delete_origin(db, account.id, target.passkey_origin_id, now)
    return True
