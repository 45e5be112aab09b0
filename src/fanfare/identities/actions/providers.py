"""Writes the identity providers of an account."""

from datetime import datetime, timedelta

import asyncpg

from fanfare.campaigns.queries.checks import no_business
from fanfare.identities.gateways.documents import unavailable
from fanfare.identities.queries.providers import Provider
from fanfare.identities.schemas.presets import OIDC, PRESETS
from fanfare.identities.schemas.providers import NewProvider, ProviderChanges
from fanfare.identities.topics import (
    IDENTITY_PROVIDER_CREATED,
    IDENTITY_PROVIDER_DELETED,
    IDENTITY_PROVIDER_UPDATED,
)
from fanfare.kernel.data.announcements import HOLD, announce, announced_deletion
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.sql import Sql
from fanfare.kernel.data.updates import Columns
from fanfare.kernel.errors import Conflict, Unknown
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.kernel.wire import unix

SECRET_PURPOSE = "client secret of an identity provider"  # noqa: S105 - a purpose
MAX_PROVIDERS = 200
# How long a client secret holds that is signed for one exchange.
SECRET_LIFE = timedelta(minutes=5)


class ProviderExists(Conflict):
    """There is a provider with this issuer for this business"""


class TooManyProviders(Conflict):
    """An account can have 200 identity providers"""


# Columns that are stored as they are sent.
PLAIN = ("team_id", "key_id", "jwks_url", "authorization_url", "token_url", "userinfo_url")
CREATE = Sql(f"""
    with {HOLD},
    created as (
        insert into identity_providers (
            account_id, provider_id, business_id, preset, title, issuer, client_ids, sealed_secret, team_id, key_id,
            jwks_url, authorization_url, token_url, userinfo_url, is_email_trusted, is_access_token_accepted,
            is_enabled, created_at, updated_at)
        select $1, nextval('positions'), :business_id, :preset, :title, :issuer, :client_ids, :sealed_secret, :team_id,
               :key_id, :jwks_url, :authorization_url, :token_url, :userinfo_url, :is_email_trusted,
               :is_access_token_accepted, :is_enabled, :now, :now
        from hold
        where (select count(*) from identity_providers p where p.account_id = $1) < :most
        returning provider_id
    ),
    logged as (
        {announce(IDENTITY_PROVIDER_CREATED, "created", position="provider_id", at=":now")}
    )
    select provider_id from created
""")  # noqa: S608 - fixed parts


async def create_provider(db: Db, account_id: int, new: NewProvider, now: datetime) -> int:
    """Accept a provider and return its id.

    Refuses (422) an unknown business, and (409) a second one with its issuer for the business.
    """
    name = new.preset or OIDC
    preset = PRESETS[name]
    fields = {field: getattr(new, field) for field in PLAIN}
    try:
        provider_id: int | None = await db.value(
            CREATE,
            account_id,
            business_id=new.business_id,
            preset=name,
            title=new.title,
            issuer=new.issuer or preset.issuer,
            client_ids=new.client_ids,
            sealed_secret=sealed(new.client_secret),
            **fields,
            is_email_trusted=preset.is_email_trusted if new.is_email_trusted is None else new.is_email_trusted,
            is_access_token_accepted=bool(new.is_access_token_accepted),
            is_enabled=new.is_enabled is not False,
            now=now,
            most=MAX_PROVIDERS,
        )
    except asyncpg.ForeignKeyViolationError:
        raise no_business() from None
    except asyncpg.UniqueViolationError:
        raise ProviderExists from None
    if provider_id is None:
        raise TooManyProviders
    return provider_id


def sealed(secret: str | None) -> str | None:
    """Return a client secret as it is stored."""
    return secret_keys.seal(SECRET_PURPOSE, secret.encode()) if secret else None


def client_secret(provider: Provider, now: datetime) -> str | None:
    """Return the client secret of a provider, signed for now where a key signs it.

    Raises NotSealed when the secret key of the installation is gone.
    """
    if provider.sealed_secret is None:
        return None
    secret = secret_keys.unseal(SECRET_PURPOSE, provider.sealed_secret).decode()
    return _signed(provider, secret, now) if provider.team_id and provider.key_id else secret


def _signed(provider: Provider, private_key: str, now: datetime) -> str:
    """Return a client secret as Apple documents it: a token of the team for the client, signed with ES256."""
    from joserfc import jwt  # noqa: PLC0415 - takes megabytes, which most commands save
    from joserfc.errors import JoseError  # noqa: PLC0415 - as above
    from joserfc.jwk import ECKey  # noqa: PLC0415 - as above

    claims = {
        "iss": provider.team_id,
        "sub": provider.client_ids[0],
        "aud": provider.issuer,
        "iat": unix(now),
        "exp": unix(now + SECRET_LIFE),
    }
    try:
        return jwt.encode({"alg": "ES256", "kid": provider.key_id}, claims, ECKey.import_key(private_key))
    except (JoseError, ValueError):
        raise unavailable(provider.account_id, "the client_secret cannot sign: it is not a private key") from None


COLUMNS = Columns(ProviderChanges, key=("provider_id",), names={"client_secret": "sealed_secret"})
CHANGE = f"""
    with {HOLD},
    old as (
        select p.provider_id from identity_providers p where p.account_id = $1 and p.provider_id = $2 for update
    ),
    changed as (
        update identity_providers as p
        set {COLUMNS.assignments("p", "$3")}, updated_at = $4
        from old where p.account_id = $1 and p.provider_id = old.provider_id
        returning p.provider_id
    ),
    logged as (
        {announce(IDENTITY_PROVIDER_UPDATED, "changed", at="$4", fields="$5::text[]")}
    )
    select provider_id from changed
"""  # noqa: S608 - fixed parts


async def change_provider(db: Db, account_id: int, changes: ProviderChanges, now: datetime) -> int:
    """Change the fields of a provider that were sent and return its id; refuses (404) an unknown one."""
    fields = COLUMNS.sent_fields(changes)
    secret = {"client_secret": sealed(fields["client_secret"])} if "client_secret" in fields else {}
    record = COLUMNS.record({**fields, **secret})
    provider_id: int | None = await db.value(CHANGE, account_id, changes.provider_id, record, now, sorted(fields))
    if provider_id is None:
        raise Unknown(identity_provider=changes.provider_id)
    return provider_id


DELETE = announced_deletion(
    IDENTITY_PROVIDER_DELETED,
    "delete from identity_providers where account_id = $1 and provider_id = $2",
    returning="provider_id",
)


async def delete_provider(db: Db, account_id: int, provider_id: int, now: datetime) -> None:
    """Delete a provider; identities of its issuer stay with their fans. Refuses (404) an unknown one."""
    if await db.value(DELETE, account_id, provider_id, now) is None:
        raise Unknown(identity_provider=provider_id)


async def seal_again(db: Db, account_id: int) -> None:
    """Seal the client secrets of an account with the present secret key, before the one they were sealed with ends."""
    rows = await db.rows(
        "select provider_id, sealed_secret from identity_providers"
        " where account_id = $1 and sealed_secret is not null order by provider_id",
        account_id,
    )
    for row in rows:
        try:
            secret = secret_keys.unseal(SECRET_PURPOSE, row["sealed_secret"])
        except NotSealed:
            continue
        await db.execute(
            "update identity_providers set sealed_secret = $4"
            " where account_id = $1 and provider_id = $2 and sealed_secret = $3",
            account_id,
            row["provider_id"],
            row["sealed_secret"],
            secret_keys.seal(SECRET_PURPOSE, secret),
        )
