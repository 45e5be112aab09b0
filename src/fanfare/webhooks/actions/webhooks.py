"""Registers endpoints, changes and deletes them, and rotates their secrets."""

import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime

from fanfare.accounts.queries import business
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.kernel.running.webhook_signatures import secret_text
from fanfare.segments.queries.filters import filter_by_uid
from fanfare.webhooks.schemas.webhooks import (
    STANDARD,
    NewWebhook,
    NewWebhookSecret,
    SecretRotation,
    WebhookChanges,
    WebhookCreated,
)
from fanfare.webhooks.topics import WEBHOOK_CREATED, WEBHOOK_DELETED, WEBHOOK_UPDATED

MAX_WEBHOOKS = 100
MAX_SECRETS = 5
KEY_BYTES = 32
SEAL = "secret of a webhook"


class TooManyWebhooks(Conflict):
    """An account can have 100 endpoints"""


# The log is followed from here on if the account had no endpoint.
CREATE = Sql(f"""
    with {HOLD},
    created as (
        insert into webhooks (
            account_id, webhook_id, webhook_uid, url, topics, business_id, filter_uid, description, payload_format,
            is_enabled, begins_after, created_at, updated_at)
        select $1, position, gen_random_uuid(), :url, :topics::text[], :business_id, :filter_uid, :description, :format,
               true, position, :now, :now
        from (select nextval('positions') as position from hold) as taken
        where (select count(*) from webhooks w where w.account_id = $1) < :limit
        returning webhook_id, webhook_uid
    ),
    followed as (
        insert into webhook_progress (account_id, position) select $1, webhook_id from created
        on conflict (account_id) do nothing
    ),
    logged as (
        {announce(WEBHOOK_CREATED, "created", position="webhook_id", at=":now")}
    )
    select webhook_id, webhook_uid from created
""")  # noqa: S608 - fixed parts


async def create_webhook(db: Db, account_id: int, new: NewWebhook, now: datetime) -> WebhookCreated:
    """Register an endpoint; changes from now on are delivered. Refuses unknown businesses and segments (404)."""
    await _check_filters(db, account_id, new.business_id, new.filter_uid)
    async with db.transaction() as tx:
        row = await tx.row(
            CREATE,
            account_id,
            url=new.url,
            topics=sorted(set(new.topics)),
            business_id=new.business_id,
            filter_uid=new.filter_uid,
            description=new.description,
            format=new.format or STANDARD,
            limit=MAX_WEBHOOKS,
            now=now,
        )
        if row is None:
            raise TooManyWebhooks
        secret = await _add_secret(tx, account_id, row["webhook_id"], now)
    return WebhookCreated(row["webhook_uid"], secret)


async def _check_filters(db: Db, account_id: int, business_id: int | None, filter_uid: uuid.UUID | None) -> None:
    if business_id is not None:
        await business(db, account_id, business_id)
    if filter_uid is not None:
        await filter_by_uid(db, account_id, filter_uid)


async def _add_secret(db: Db, account_id: int, webhook_id: int, now: datetime) -> str:
    key = secrets.token_bytes(KEY_BYTES)
    await db.execute(
        """
        insert into webhook_secrets (account_id, webhook_id, secret_id, sealed_secret, created_at)
        select $1, $2, coalesce(max(secret_id), 0) + 1, $3, $4 from webhook_secrets
        where account_id = $1 and webhook_id = $2
        """,
        account_id,
        webhook_id,
        secret_keys.seal(SEAL, key),
        now,
    )
    return secret_text(key)


COLUMNS = Columns(WebhookChanges, key=("webhook_uid",), names={"format": "payload_format"})
# What happened while an endpoint was disabled is not delivered; what waited is sent at once.
CHANGE = f"""
    with {HOLD},
    taken as materialized (select nextval('positions') as position from hold),
    old as (select webhook_id, is_enabled from webhooks where account_id = $1 and webhook_uid = $2 for update),
    updated as (
        update webhooks as w
        set {COLUMNS.assignments("w", "$3")}, updated_at = $4
        from old where w.account_id = $1 and w.webhook_id = old.webhook_id
        returning w.webhook_id, w.webhook_uid, old.is_enabled as was_enabled, w.is_enabled
    ),
    logged as (
        {announce(WEBHOOK_UPDATED, "updated cross join taken", position="position", at="$4", fields="$5::text[]")}
    )
    select webhook_id, position, is_enabled and not was_enabled as is_resumed from updated cross join taken
"""  # noqa: S608 - fixed parts


async def change_webhook(db: Db, account_id: int, changes: WebhookChanges, now: datetime) -> uuid.UUID:
    """Change the fields of an endpoint that were sent, and return its uid; refuses (404) an unknown one."""
    fields = COLUMNS.sent_fields(changes)
    await _check_filters(db, account_id, fields.get("business_id"), fields.get("filter_uid"))
    async with db.transaction() as tx:
        row = await tx.row(CHANGE, account_id, changes.webhook_uid, COLUMNS.record(fields), now, sorted(fields))
        if row is None:
            raise Unknown(webhook=changes.webhook_uid)
        if row["is_resumed"]:
            await _resume(tx, account_id, row["webhook_id"], row["position"], now)
    return changes.webhook_uid


async def _resume(db: Db, account_id: int, webhook_id: int, position: int, now: datetime) -> None:
    await db.execute(
        """
        with resumed as (
            update webhook_deliveries set due_at = $4
            where account_id = $1 and webhook_id = $2 and delivery_state = 'waiting' and try_count > 0
        )
        update webhooks
        set begins_after = $3, disable_reason = null, first_failure_at = null, failure_count = 0, due_at = $4
        where account_id = $1 and webhook_id = $2
        """,
        account_id,
        webhook_id,
        position,
        now,
    )


DELETE = announced_deletion(
    WEBHOOK_DELETED, "delete from webhooks where account_id = $1 and webhook_uid = $2", returning="webhook_uid"
)


async def delete_webhook(db: Db, account_id: int, webhook_uid: uuid.UUID, now: datetime) -> None:
    """Delete an endpoint with its deliveries; refuses (404) an unknown one."""
    if await db.value(DELETE, account_id, webhook_uid, now) is None:
        raise Unknown(webhook=webhook_uid)


ROTATE = f"""
    with {HOLD},
    updated as (
        update webhooks set updated_at = $3 where account_id = $1 and webhook_uid = $2
        returning webhook_id, webhook_uid
    ),
    deleted as (
        delete from webhook_secrets
        where account_id = $1 and webhook_id = (select webhook_id from updated) and ($4 <= $3 or ends_at <= $3)
    ),
    ending as (
        update webhook_secrets set ends_at = least(ends_at, $4)
        where account_id = $1 and webhook_id = (select webhook_id from updated) and $4 > $3
          and (ends_at is null or ends_at > $3)
    ),
    logged as (
        {announce(WEBHOOK_UPDATED, "updated", at="$3", fields="array['secret']")}
    )
    select webhook_id from updated
"""  # noqa: S608 - fixed parts
# The endpoint's row is locked by then, so two rotations do not count the same secrets.
END_OLDEST = """
    delete from webhook_secrets
    where account_id = $1 and webhook_id = $2 and secret_id in (
        select secret_id from webhook_secrets where account_id = $1 and webhook_id = $2
        order by secret_id desc offset $3)
"""


async def rotate_secret(db: Db, account_id: int, rotation: SecretRotation, now: datetime) -> NewWebhookSecret:
    """Add a secret; the older ones sign too until the overlap ends, the oldest beyond five no longer.

    Refuses (404) an unknown endpoint.
    """
    async with db.transaction() as tx:
        webhook_id = await tx.value(ROTATE, account_id, rotation.webhook_uid, now, now + rotation.overlap)
        if webhook_id is None:
            raise Unknown(webhook=rotation.webhook_uid)
        await tx.execute(END_OLDEST, account_id, webhook_id, MAX_SECRETS - 1)
        secret = await _add_secret(tx, account_id, webhook_id, now)
    return NewWebhookSecret(secret)


def unsealed(texts: Sequence[str]) -> list[bytes]:
    """Return the keys of sealed secrets, without those whose secret key is gone."""
    keys = []
    for text in texts:
        try:
            keys.append(secret_keys.unseal(SEAL, text))
        except NotSealed:
            continue
    return keys


async def seal_again(db: Db, account_id: int) -> None:
    """Seal the secrets of an account with the present secret key, before the one they were sealed with ends."""
    rows = await db.rows(
        "select webhook_id, secret_id, sealed_secret from webhook_secrets where account_id = $1"
        " order by webhook_id, secret_id",
        account_id,
    )
    for row in rows:
        for key in unsealed([row["sealed_secret"]]):
            await db.execute(
                "update webhook_secrets set sealed_secret = $4"
                " where account_id = $1 and webhook_id = $2 and secret_id = $3",
                account_id,
                row["webhook_id"],
                row["secret_id"],
                secret_keys.seal(SEAL, key),
            )
