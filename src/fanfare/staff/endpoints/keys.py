"""HTTP endpoints of API keys: a key manages those that have no scope beyond its own."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account, Caller
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.staff.actions import keys as actions
from fanfare.staff.queries import keys as queries
from fanfare.staff.schemas.keys import KeyRotation, ManagedKey, ManagedSecret, NewApiKey, OneApiKey


@endpoint.get("/api/v1/manage/keys", scope="manage", key=SECRET)
async def manage_keys_list(db: Db, account: Account) -> list[ManagedKey]:
    """List the API keys of the account with scopes, rate and last use; of secrets only the first letters."""
    return await queries.managed_keys(db, account.id)


@endpoint.post("/api/v1/manage/keys", scope="manage", key=SECRET, has_secret_answer=True)
async def manage_keys_create(db: Db, account: Account, caller: Caller, new: NewApiKey, now: datetime) -> ManagedSecret:
    """Make an API key. The secret is shown only once; 403 for scopes that the calling key does not have."""
    return await actions.create_key(db, account.id, new, caller.scopes, now)


@endpoint.post("/api/v1/manage/keys/{managed_key}/rotate", scope="manage", key=SECRET, has_secret_answer=True)
async def manage_keys_rotate(
    db: Db, account: Account, caller: Caller, target: KeyRotation, now: datetime
) -> ManagedSecret:
    """Give a key a new secret, which is shown only once; the old ones work for a while longer."""
    return await actions.rotate_key(db, account.id, target, caller.scopes, now)


@endpoint.delete("/api/v1/manage/keys/{managed_key}", scope="manage", key=SECRET)
async def manage_keys_revoke(db: Db, account: Account, target: OneApiKey, now: datetime) -> bool:
    """Revoke a key for good; it is refused within a second."""
    return await actions.revoke_key(db, account.id, target, now)
