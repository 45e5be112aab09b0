"""Where a login leads: a URL that the account registered, or a path of ours that we sealed; nothing else."""

from urllib.parse import parse_qsl

from fanfare.accounts.queries import account_by_id
from fanfare.hosted.browser_sessions import asks_fresh, login_hint, next_path
from fanfare.hosted.queries.redirect_urls import is_registered
from fanfare.hosted.schemas.login import Destination, LoginQuery
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Refusal
from fanfare.kernel.pages.languages import CHOICE
from fanfare.kernel.parameters import with_query
from fanfare.sessions.queries.businesses import business_of, own_page_business

# What does not go back to the site: parameters of the page, and those that the site could take for ours.
RESERVED = frozenset({
    "account_id", "business_id", "login_type", "redirect_url", "next", "login", "language", "code", "api_key",
    "api_secret", "form_token", CHOICE,
})  # fmt: skip
MAX_RETURNED = 20
LONGEST_RETURNED = 4000


class RedirectRefused(Refusal):
    """The link to this login page is wrong"""

    status = 422


async def destination_of(db: Db, query: LoginQuery, page_url: str) -> Destination:
    """Return where a login leads; `page_url` is the path and query of the page.

    Refuses an unknown account (404), business, redirect URL, or too many parameters to give back (422).
    """
    account = await account_by_id(db, query.account_id)
    if query.redirect_url is None:
        path = next_path(query.next_path or "")
        if path is None:
            message = "Open the page that you want to see once more, and log in from there."
            raise RedirectRefused(message)
        business = await own_page_business(db, account.id, query.business_id)
        hint = login_hint(query.login_hint or "") or ""
        return Destination(account, business, None, path, (), hint, asks_fresh(query.next_path or ""))
    business = await business_of(db, account.id, query.business_id)
    business_id = business.business_id if business else None
    if not await is_registered(db, account.id, business_id, query.redirect_url):
        message = "The site that you come from is not registered here, so we cannot lead you back to it."
        raise RedirectRefused(message)
    return Destination(account, business, query.redirect_url, None, _returned(page_url))


def _returned(page_url: str) -> tuple[tuple[str, str], ...]:
    pairs = parse_qsl(page_url.partition("?")[2], keep_blank_values=True)
    returned = tuple((name, value) for name, value in pairs if name not in RESERVED)
    if len(returned) > MAX_RETURNED or sum(len(name) + len(value) for name, value in returned) > LONGEST_RETURNED:
        raise BadParameters([("state", f"must be, with all other parameters, at most {LONGEST_RETURNED} characters")])
    return returned


def site_url(destination: Destination, code: str) -> str:
    """Return the URL that leads a fan who is logged in back to the site."""
    return with_query(destination.redirect_url or "", [*destination.returned, ("code", code)])
