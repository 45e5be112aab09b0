"""Over HTTP: the clients of OpenID Connect."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint
from fanfare.openid.actions import clients as actions
from fanfare.openid.queries import clients as queries
from fanfare.openid.schemas.clients import (
    Client,
    ClientChanges,
    ClientCreated,
    ClientSaved,
    NewClient,
    NewClientSecret,
    OneClient,
    SecretRotation,
)


@endpoint.get("/api/v1/manage/openid_clients", scope="manage", key=SECRET)
async def manage_openid_clients_list(db: Db, account: Account) -> list[Client]:
    """List the programs that log fans in by OpenID Connect."""
    return await queries.clients(db, account.id)


@endpoint.post("/api/v1/manage/openid_clients", scope="manage", key=SECRET, has_secret_answer=True)
async def manage_openid_clients_create(db: Db, account: Account, new: NewClient, now: datetime) -> ClientCreated:
    """Register a program that logs fans in by OpenID Connect; its secret is returned this once."""
    return await actions.create_client(db, account.id, new, now)


@endpoint.post("/api/v1/manage/openid_clients/{client_id}", scope="manage", key=SECRET)
async def manage_openid_clients_update(db: Db, account: Account, changes: ClientChanges, now: datetime) -> ClientSaved:
    """Update the fields sent of a client; logins that fans have finished are not affected."""
    return ClientSaved(await actions.change_client(db, account.id, changes, now))


@endpoint.post("/api/v1/manage/openid_clients/{client_id}/secrets", scope="manage", key=SECRET, has_secret_answer=True)
async def manage_openid_clients_rotate_secret(
    db: Db, account: Account, rotation: SecretRotation, now: datetime
) -> NewClientSecret:
    """Create a new secret of a client; the older ones end after overlap_hours, at once with 0."""
    return await actions.rotate_secret(db, account.id, rotation, now)


@endpoint.delete("/api/v1/manage/openid_clients/{client_id}", scope="manage", key=SECRET)
async def manage_openid_clients_delete(db: Db, account: Account, target: OneClient, now: datetime) -> bool:
    """Delete a client: all its tokens end, and what fans agreed to is deleted."""
    await actions.delete_client(db, account.id, target.client_id, now)
    return True
