"""Over HTTP: the identity providers of an account, and the external identities of its fans."""

from datetime import datetime

from fanfare.identities.actions import links as link_actions
from fanfare.identities.actions import providers as actions
from fanfare.identities.queries import links, providers
from fanfare.identities.schemas.identities import FanIdentities, FanIdentity, OneIdentity
from fanfare.identities.schemas.providers import (
    IdentityProvider,
    NewProvider,
    OneProvider,
    ProviderChanges,
    ProviderSaved,
)
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.web.endpoint import endpoint


@endpoint.get("/api/v1/manage/identity_providers", scope="manage", key=SECRET)
async def manage_identity_providers_list(db: Db, account: Account) -> list[IdentityProvider]:
    """List the identity providers of the account and of its businesses, without their client secrets."""
    return await providers.providers(db, account.id)


@endpoint.post("/api/v1/manage/identity_providers", scope="manage", key=SECRET)
async def manage_identity_providers_create(db: Db, account: Account, new: NewProvider, now: datetime) -> ProviderSaved:
    """Accept an OpenID provider, with which fans then log in.

    A preset (google, facebook, apple, spotify) fills in its addresses. 409 when the business has one with this issuer.
    """
    return ProviderSaved(await actions.create_provider(db, account.id, new, now))


@endpoint.post("/api/v1/manage/identity_providers/{provider_id}", scope="manage", key=SECRET)
async def manage_identity_providers_update(
    db: Db, account: Account, changes: ProviderChanges, now: datetime
) -> ProviderSaved:
    """Update the fields sent of an identity provider; an empty value clears a field."""
    return ProviderSaved(await actions.change_provider(db, account.id, changes, now))


@endpoint.delete("/api/v1/manage/identity_providers/{provider_id}", scope="manage", key=SECRET)
async def manage_identity_providers_delete(db: Db, account: Account, target: OneProvider, now: datetime) -> bool:
    """Delete an identity provider. Identities stay linked, and log in again once a provider has the same issuer."""
    await actions.delete_provider(db, account.id, target.provider_id, now)
    return True


@endpoint.get("/api/v1/manage/fans/{fan_id}/identities", scope="manage", key=SECRET)
async def manage_fans_identities_list(db: Db, account: Account, target: FanIdentities) -> list[FanIdentity]:
    """List the external identities that a fan logs in with."""
    return await links.links(db, account.id, target.fan_id)


@endpoint.delete("/api/v1/manage/fans/{fan_id}/identities/{identity_id}", scope="manage", key=SECRET)
async def manage_fans_identities_delete(db: Db, account: Account, target: OneIdentity, now: datetime) -> bool:
    """Take an external identity from a fan, who cannot log in with it any more. Sessions go on."""
    await link_actions.unlink(db, account.id, target.fan_id, target.identity_id, now)
    return True
