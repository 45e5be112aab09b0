"""Where log-ins of fans may lead, the programs that log them in here, and whose log-ins are accepted."""

from collections.abc import Mapping
from datetime import datetime

from fanfare.accounts.queries import businesses
from fanfare.console.pages.settings.places import path_of, setting
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.hosted.actions import redirect_urls as url_actions
from fanfare.hosted.queries.redirect_urls import redirect_urls as all_redirect_urls
from fanfare.hosted.schemas.redirect_urls import NewRedirectUrl, OneRedirectUrl
from fanfare.identities.actions import providers as provider_actions
from fanfare.identities.queries.providers import providers
from fanfare.identities.schemas.presets import PRESETS
from fanfare.identities.schemas.providers import NewProvider, OneProvider, ProviderChanges
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.openid.actions import clients as client_actions
from fanfare.openid.queries.clients import clients
from fanfare.openid.schemas.clients import SCOPES, NewClient, OneClient, SecretRotation
from fanfare.staff.schemas.members import Member


async def _with_businesses(db: Db, member: Member, values: Mapping[str, object]) -> dict[str, object]:
    choices = [(each.business_id, each.business_name) for each in await businesses(db, member.account.id)]
    return {**values, "business_choices": choices}


@manage.get("/settings/redirect_urls", area="settings")
async def redirect_urls(db: Db, member: Member) -> View:
    """Show where the login page may lead back to."""
    values = {"urls": await all_redirect_urls(db, member.account.id)}
    return setting("redirect_urls", member, await _with_businesses(db, member, values))


@manage.post("/settings/redirect_urls", area="settings", needs_proof=True)
async def redirect_url_create(db: Db, member: Member, visit: Visit, form: NewRedirectUrl, now: datetime) -> Redirect:
    """Let the login page lead to a URL."""
    await url_actions.add_redirect_url(db, member.account.id, form, now)
    flash(visit, "The URL is registered.")
    return Redirect(path_of("redirect_urls", member))


@manage.post("/settings/redirect_urls/delete", area="settings", needs_proof=True)
async def redirect_url_delete(db: Db, member: Member, visit: Visit, form: OneRedirectUrl, now: datetime) -> Redirect:
    """Let the login page no longer lead to a URL."""
    await url_actions.remove_redirect_url(db, member.account.id, form.redirect_url_id, now)
    flash(visit, "The URL is removed.")
    return Redirect(path_of("redirect_urls", member))


@manage.get("/settings/openid_clients", area="settings")
async def openid_clients(db: Db, member: Member) -> View:
    """Show the programs that log fans in with this account."""
    values = {"clients": await clients(db, member.account.id), "scopes": SCOPES}
    return setting("openid_clients", member, await _with_businesses(db, member, values))


@manage.post("/settings/openid_clients", area="settings", needs_proof=True)
async def openid_client_create(db: Db, member: Member, form: NewClient, now: datetime) -> View:
    """Register a program, and show its secret, once."""
    created = await client_actions.create_client(db, member.account.id, form, now)
    return setting("openid_secret", member, {"client": created, "issuer": created.issuer})


@manage.post("/settings/openid_clients/secrets", area="settings", needs_proof=True)
async def openid_client_rotate_secret(db: Db, member: Member, form: SecretRotation, now: datetime) -> View:
    """Make a new secret of a program, and show it, once."""
    created = await client_actions.rotate_secret(db, member.account.id, form, now)
    return setting("openid_secret", member, {"client": created, "issuer": ""})


@manage.post("/settings/openid_clients/delete", area="settings", needs_proof=True)
async def openid_client_delete(db: Db, member: Member, visit: Visit, form: OneClient, now: datetime) -> Redirect:
    """End a program with all its tokens."""
    await client_actions.delete_client(db, member.account.id, form.client_id, now)
    flash(visit, "The program is deleted.")
    return Redirect(path_of("openid_clients", member))


@manage.get("/settings/identity_providers", area="settings")
async def identity_providers(db: Db, member: Member) -> View:
    """Show whose log-ins are accepted."""
    values = {"providers": await providers(db, member.account.id), "presets": [(name, name) for name in PRESETS]}
    return setting("identity_providers", member, await _with_businesses(db, member, values))


@manage.post("/settings/identity_providers", area="settings", needs_proof=True)
async def identity_provider_create(db: Db, member: Member, visit: Visit, form: NewProvider, now: datetime) -> Redirect:
    """Accept the log-ins of a provider."""
    await provider_actions.create_provider(db, member.account.id, form, now)
    flash(visit, "The provider is accepted.")
    return Redirect(path_of("identity_providers", member))


@manage.post("/settings/identity_providers/{provider_id}", area="settings", needs_proof=True)
async def identity_provider_update(
    db: Db, member: Member, visit: Visit, form: ProviderChanges, now: datetime
) -> Redirect:
    """Turn a provider off or on, or change it."""
    await provider_actions.change_provider(db, member.account.id, form, now)
    flash(visit, "The provider is changed.")
    return Redirect(path_of("identity_providers", member))


@manage.post("/settings/identity_providers/{provider_id}/delete", area="settings", needs_proof=True)
async def identity_provider_delete(db: Db, member: Member, visit: Visit, form: OneProvider, now: datetime) -> Redirect:
    """Accept a provider no longer."""
    await provider_actions.delete_provider(db, member.account.id, form.provider_id, now)
    flash(visit, "The provider is deleted.")
    return Redirect(path_of("identity_providers", member))
