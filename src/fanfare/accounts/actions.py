"""Creates and changes accounts, keys and businesses."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg
import msgspec

from fanfare.accounts.schemas import BusinessChanges, NewAccount, NewBusiness, NewKey
from fanfare.accounts.topics import BUSINESS_CREATED, BUSINESS_DELETED, BUSINESS_UPDATED
from fanfare.kernel.callers import SCOPES
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.keys import hash_secret, new_secret
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.data.zones import refuse_missing_zone
from fanfare.kernel.errors import BadParameters, Conflict, Unknown

PREFIX_LETTERS = 8
# PostgreSQL evaluates the time zone, which days are asked for later.
CREATE = """
    insert into accounts (account_name, time_zone, country_code, currency, created_at)
    select $1, $2::text, $3, $4, $5::timestamptz where $5::timestamptz at time zone $2::text is not null
    returning account_id
"""


class BusinessNameTaken(Conflict):
    """Another business of the account has this name"""


class BusinessInUse(Conflict):
    """Campaigns or fans still refer to this business"""


def check_name(name: str) -> None:
    """Raise BadParameters if the name is empty."""
    if not name.strip():
        raise BadParameters([("name", "must not be empty")])


async def create_account(
    db: Db, name: str, now: datetime, *, time_zone: str = "UTC", country_code: str | None = None, currency: str = "USD"
) -> NewAccount:
    """Create an account with a first key that has every scope; BadParameters if PostgreSQL lacks the time zone."""
    check_name(name)
    with refuse_missing_zone():
        async with db.transaction() as tx:
            account_id = await tx.value(CREATE, name, time_zone, country_code, currency, now)
            key = await create_key(tx, account_id, SCOPES, now, name="first key")
    return NewAccount(account_id, name, key.api_key, key.api_secret)


async def create_key(
    db: Db, account_id: int, scopes: Sequence[str], now: datetime, *, name: str = "", rate_limit: int = 10_000
) -> NewKey:
    """Create a key with one secret. Scopes are names of the API's sections, or `manage`."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise BadParameters([("scopes", f"must be among {', '.join(SCOPES)}")])
    api_key = uuid.uuid4()
    async with db.transaction() as tx:
        row = await tx.value(
            """
            insert into api_keys (account_id, api_key, key_name, scopes, rate_limit, created_at)
            select account_id, $2, $3, $4, $5, $6 from accounts where account_id = $1
            returning account_id
            """,
            account_id,
            api_key,
            name,
            list(scopes),
            rate_limit,
            now,
        )
        if row is None:
            raise Unknown(account=account_id)
        secret = await _add_secret(tx, account_id, api_key, now)
    return NewKey(account_id, api_key, secret, list(scopes))


async def _add_secret(db: Db, account_id: int, api_key: uuid.UUID, now: datetime) -> str:
    secret = new_secret()
    await db.execute(
        "insert into api_secrets (account_id, api_key, secret_hash, secret_prefix, created_at)"
        " values ($1, $2, $3, $4, $5)",
        account_id,
        api_key,
        hash_secret(secret),
        secret[:PREFIX_LETTERS],
        now,
    )
    return secret


async def rotate_key(db: Db, account_id: int, api_key: uuid.UUID, now: datetime, *, overlap: timedelta) -> NewKey:
    """Give a key a new secret; the current ones stay valid for `overlap`."""
    async with db.transaction() as tx:
        scopes = await tx.value(
            "select scopes from api_keys"
            " where account_id = $1 and api_key = $2 and revoked_at is null and session_id is null for update",
            account_id,
            api_key,
        )
        if scopes is None:
            message = f"The account has no active key {api_key}"
            raise Unknown(message)
        await tx.execute(
            "update api_secrets set expires_at = least(expires_at, $3) where account_id = $1 and api_key = $2",
            account_id,
            api_key,
            now + overlap,
        )
        await tx.execute(
            "delete from api_secrets where account_id = $1 and api_key = $2 and expires_at <= $3",
            account_id,
            api_key,
            now,
        )
        secret = await _add_secret(tx, account_id, api_key, now)
    return NewKey(account_id, api_key, secret, scopes)


async def revoke_key(db: Db, account_id: int, api_key: uuid.UUID, now: datetime) -> None:
    """Revoke a key; every server process refuses it within a second."""
    revoked = await db.value(
        "update api_keys set revoked_at = $3 where account_id = $1 and api_key = $2 and revoked_at is null"
        " returning api_key",
        account_id,
        api_key,
        now,
    )
    if revoked is None:
        message = f"The account has no active key {api_key}"
        raise Unknown(message)


BUSINESS = Columns(
    BusinessChanges,
    key=("business_id",),
    empty={name: {} for name in ("media_map", "scheduler_props", "locale_props", "style_props")},
)
CREATE_BUSINESS = f"""
    with {HOLD},
    inserted as (
        insert into businesses (account_id, created_at, updated_at, {BUSINESS})
        select $1, $3, $3, {BUSINESS} from jsonb_populate_record(null::businesses, $2)
        returning account_id, business_id
    ),
    announced as (
        {announce(BUSINESS_CREATED, "inserted", at="$3")}
    )
    select business_id from inserted
"""  # noqa: S608 - fixed parts


async def create_business(db: Db, account_id: int, new: NewBusiness, now: datetime) -> int:
    """Create a business and return its id."""
    try:
        business_id: int = await db.value(
            CREATE_BUSINESS,
            account_id,
            BUSINESS.record(msgspec.structs.asdict(new)),
            now,
        )
    except asyncpg.UniqueViolationError:
        raise BusinessNameTaken from None
    return business_id


CHANGE_BUSINESS = f"""
    with {HOLD},
    updated as (
        update businesses as b
        set {BUSINESS.assignments("b", "$3")},
            updated_at = $4
        where b.account_id = $1 and b.business_id = $2
        returning b.account_id, b.business_id
    ),
    announced as (
        {announce(BUSINESS_UPDATED, "updated", at="$4", fields="$5::text[]")}
    )
    select business_id from updated
"""  # noqa: S608 - fixed parts


async def change_business(db: Db, account_id: int, changes: BusinessChanges, now: datetime) -> int:
    """Update the fields that were sent and return the id of the business."""
    fields = BUSINESS.sent_fields(changes)
    try:
        updated = await db.value(
            CHANGE_BUSINESS,
            account_id,
            changes.business_id,
            BUSINESS.record(fields),
            now,
            list(fields),
        )
    except asyncpg.UniqueViolationError:
        raise BusinessNameTaken from None
    if updated is None:
        raise Unknown(business=changes.business_id)
    return changes.business_id


DELETE_BUSINESS = announced_deletion(
    BUSINESS_DELETED, "delete from businesses where account_id = $1 and business_id = $2", returning="business_id"
)


async def delete_business(db: Db, account_id: int, business_id: int, now: datetime) -> None:
    """Delete a business; raises BusinessInUse if anything refers to it."""
    try:
        deleted = await db.value(
            DELETE_BUSINESS,
            account_id,
            business_id,
            now,
        )
    except asyncpg.ForeignKeyViolationError:
        raise BusinessInUse from None
    if deleted is None:
        raise Unknown(business=business_id)
