"""The URLs to which the login page may lead back, over HTTP."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fanfare.campaigns.queries.checks import check_business
from fanfare.hosted.actions import redirect_urls as actions
from fanfare.hosted.queries import redirect_urls as queries
from fanfare.hosted.schemas.redirect_urls import NewRedirectUrl, OneRedirectUrl, RedirectUrl, RedirectUrlSaved
from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import faults_of
from fanfare.kernel.web.endpoint import endpoint


async def references(db: Db, account: Account, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is wrong with a redirect URL that only the account's own rows can tell."""
    return await faults_of(check_business(db, account.id, values.get("business_id")))


@endpoint.get("/api/v1/manage/redirect_urls", scope="manage", key=SECRET)
async def manage_redirect_urls_list(db: Db, account: Account) -> list[RedirectUrl]:
    """List the URLs of sites to which the login page may lead back."""
    return await queries.redirect_urls(db, account.id)


@endpoint.post("/api/v1/manage/redirect_urls", scope="manage", key=SECRET, references=references)
async def manage_redirect_urls_create(db: Db, account: Account, new: NewRedirectUrl, now: datetime) -> RedirectUrlSaved:
    """Let the login page lead back to a URL; one that is registered stays as it is."""
    return RedirectUrlSaved(await actions.add_redirect_url(db, account.id, new, now))


@endpoint.delete("/api/v1/manage/redirect_urls/{redirect_url_id}", scope="manage", key=SECRET)
async def manage_redirect_urls_delete(db: Db, account: Account, target: OneRedirectUrl, now: datetime) -> bool:
    """Remove a URL: the login page no longer leads there."""
    await actions.remove_redirect_url(db, account.id, target.redirect_url_id, now)
    return True
