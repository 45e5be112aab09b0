"""Registers clients, changes and deletes them, and rotates their secrets."""

from datetime import datetime, timedelta

from fanfare.accounts.queries import business
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.keys import hash_secret, new_secret
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.openid.queries.clients import issuer
from fanfare.openid.schemas.clients import (
    CONFIDENTIAL,
    OFFLINE_ACCESS,
    SCOPES,
    ClientChanges,
    ClientCreated,
    NewClient,
    NewClientSecret,
    SecretRotation,
)
from fanfare.openid.topics import OPENID_CLIENT_CREATED, OPENID_CLIENT_DELETED, OPENID_CLIENT_UPDATED

PREFIX_LETTERS = 8
MAX_CLIENTS = 200
MAX_SECRETS = 5


class PublicClient(Conflict):
    """A public client has no secret and always needs PKCE"""


class TooManyClients(Conflict):
    """An account can have 200 clients"""


CREATE = Sql(f"""
    with {HOLD},
    inserted as (
        insert into openid_clients (account_id, client_id, client_name, client_type, business_id, redirect_uris,
                                    post_logout_redirect_uris, scopes, is_pkce_required, created_at, updated_at)
        select $1, nextval('positions'), :client_name, :client_type, :business_id, :redirect_uris,
               :post_logout_redirect_uris, :scopes, :is_pkce_required, :now, :now
        from hold
        where (select count(*) from openid_clients where account_id = $1) < :most
        returning client_id
    ),
    logged as (
        {announce(OPENID_CLIENT_CREATED, "inserted", position="client_id", at=":now")}
    )
    select client_id from inserted
""")  # noqa: S608 - fixed parts


async def create_client(db: Db, account_id: int, new: NewClient, now: datetime) -> ClientCreated:
    """Register a client and return its id and, for a confidential one, its secret.

    Unknown (404) for the business, TooManyClients (409).
    """
    if new.business_id is not None:
        await business(db, account_id, new.business_id)
    async with db.transaction() as tx:
        client_id: int | None = await tx.value(
            CREATE,
            account_id,
            client_name=new.client_name,
            client_type=new.client_type,
            business_id=new.business_id,
            redirect_uris=new.redirect_uris,
            post_logout_redirect_uris=new.post_logout_redirect_uris or [],
            scopes=new.scopes or [scope for scope in SCOPES if scope != OFFLINE_ACCESS],
            is_pkce_required=new.is_pkce_required,
            most=MAX_CLIENTS,
            now=now,
        )
        if client_id is None:
            raise TooManyClients
        secret = await _add_secret(tx, account_id, client_id, now) if new.client_type == CONFIDENTIAL else None
    return ClientCreated(client_id, secret, issuer(account_id))


async def _add_secret(db: Db, account_id: int, client_id: int, now: datetime) -> str:
    secret = new_secret()
    await db.execute(
        "insert into openid_client_secrets (account_id, client_id, secret_hash, secret_prefix, created_at)"
        " values ($1, $2, $3, $4, $5)",
        account_id,
        client_id,
        hash_secret(secret),
        secret[:PREFIX_LETTERS],
        now,
    )
    return secret


COLUMNS = Columns(ClientChanges, key=("client_id",), empty={"post_logout_redirect_uris": []})
# A public client is left as it is when it would no longer need PKCE.
CHANGE = f"""
    with {HOLD},
    updated as (
        update openid_clients as c
        set {COLUMNS.assignments("c", "$3")}, updated_at = $4
        where c.account_id = $1 and c.client_id = $2
          and (c.client_type = '{CONFIDENTIAL}' or coalesce(($3::jsonb ->> 'is_pkce_required')::boolean, true))
        returning c.client_id
    ),
    logged as (
        {announce(OPENID_CLIENT_UPDATED, "updated", at="$4", fields="$5::text[]")}
    )
    select client_id from updated
"""  # noqa: S608 - fixed parts


async def change_client(db: Db, account_id: int, changes: ClientChanges, now: datetime) -> int:
    """Update the fields that were sent. Unknown (404) for the client or business, PublicClient (409) without PKCE."""
    fields = COLUMNS.sent_fields(changes)
    if fields.get("business_id") is not None:
        await business(db, account_id, fields["business_id"])
    updated = await db.value(CHANGE, account_id, changes.client_id, COLUMNS.record(fields), now, list(fields))
    if updated is None:
        await _check_client(db, account_id, changes.client_id)
        raise PublicClient
    return changes.client_id


async def _check_client(db: Db, account_id: int, client_id: int) -> None:
    """Raise Unknown (404) if there is no such client."""
    sql = "select exists (select from openid_clients where account_id = $1 and client_id = $2)"
    if not await db.value(sql, account_id, client_id):
        raise Unknown(client=client_id)


DELETE = announced_deletion(
    OPENID_CLIENT_DELETED,
    "delete from openid_clients where account_id = $1 and client_id = $2",
    returning="client_id",
)


async def delete_client(db: Db, account_id: int, client_id: int, now: datetime) -> None:
    """Delete a client, with its secrets, consents and tokens; Unknown (404) if there is none."""
    if await db.value(DELETE, account_id, client_id, now) is None:
        raise Unknown(client=client_id)


ROTATE = f"""
    with {HOLD},
    updated as (
        update openid_clients set updated_at = $3
        where account_id = $1 and client_id = $2 and client_type = '{CONFIDENTIAL}' returning client_id
    ),
    ending as (
        update openid_client_secrets set expires_at = least(expires_at, $4)
        where account_id = $1 and client_id = (select client_id from updated) and $4 > $3
          and (expires_at is null or expires_at > $3)
    ),
    deleted as (
        delete from openid_client_secrets
        where account_id = $1 and client_id = (select client_id from updated) and ($4 <= $3 or expires_at <= $3)
    ),
    logged as (
        {announce(OPENID_CLIENT_UPDATED, "updated", at="$3", fields="array['client_secret']")}
    )
    select client_id from updated
"""  # noqa: S608 - fixed parts


# The client's row is locked by then, so two rotations do not count the same secrets.
END_OLDEST = """
    delete from openid_client_secrets
    where account_id = $1 and client_id = $2 and secret_hash in (
        select secret_hash from openid_client_secrets where account_id = $1 and client_id = $2
        order by created_at desc, secret_hash offset $3)
"""


async def rotate_secret(db: Db, account_id: int, rotation: SecretRotation, now: datetime) -> NewClientSecret:
    """Add a secret; the older ones end after the overlap, the oldest beyond five at once.

    Unknown (404), or PublicClient (409).
    """
    end = now + timedelta(hours=rotation.overlap_hours)
    async with db.transaction() as tx:
        if await tx.value(ROTATE, account_id, rotation.client_id, now, end) is None:
            await _check_client(tx, account_id, rotation.client_id)
            raise PublicClient
        await tx.execute(END_OLDEST, account_id, rotation.client_id, MAX_SECRETS - 1)
        secret = await _add_secret(tx, account_id, rotation.client_id, now)
    return NewClientSecret(rotation.client_id, secret)
