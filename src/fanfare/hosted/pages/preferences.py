"""What a fan may be sent: the page of preferences, and the page that ends it."""

from datetime import datetime
from urllib.parse import urlencode

from fanfare.hosted.actions import preferences as actions
from fanfare.hosted.queries import preferences as queries
from fanfare.hosted.queries.looks import look_of
from fanfare.hosted.schemas.preferences import LinkChoices, PreferencesLink
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit, page
from fanfare.messages.actions import preference_links

TEMPLATES = "hosted/templates"
WORDING = "You may send me: news and offers by email / text messages / messages of the businesses that I tick."


async def _view(db: Db, visit: Visit, template: str, link: PreferencesLink) -> View:
    recipient = preference_links.recipient_of(link.link)
    account_db = db.for_account(recipient.account_id)
    person = await queries.current_fan(account_db, recipient)
    return View(
        f"{TEMPLATES}/{template}",
        {
            "look": await look_of(account_db, recipient.account_id, recipient.business_id),
            "fan": person,
            "address": queries.masked(person.email),
            "choices": await queries.choices(account_db, recipient.account_id, person),
            "preferences_url": _url(visit, preference_links.PREFERENCES, link=link.link),
            "is_saved": link.is_saved,
        },
    )


def _url(visit: Visit, path: str, **query: str) -> str:
    """Return the address of a page in the language of this one, if that was chosen."""
    return f"{path}?{urlencode({**query, **visit.chosen_language})}"


@page.get("/crm/preferences")
async def preferences(db: Db, visit: Visit, link: PreferencesLink) -> View:
    """Show what the fan may be sent, to be changed."""
    return await _view(db, visit, "preferences.html", link)


@page.post("/crm/preferences")
async def preferences_save(db: Db, visit: Visit, choices: LinkChoices, now: datetime) -> Redirect:
    """Save what the fan ticked, and lead back to the page."""
    recipient = preference_links.recipient_of(choices.link)
    wording = actions.Wording(actions.SOURCE, visit.language.text(WORDING))
    await actions.save_choices(db.for_account(recipient.account_id), recipient, choices, now, wording)
    return Redirect(_url(visit, preference_links.PREFERENCES, link=choices.link, is_saved="true"))


@page.get("/crm/unsubscribe")
async def unsubscribe(db: Db, visit: Visit, link: PreferencesLink) -> View:
    """Ask whether the fan wants no more mail; programs that look at links change nothing."""
    return await _view(db, visit, "unsubscribe.html", link)


@page.post("/crm/unsubscribe", is_open=True)
async def unsubscribe_now(db: Db, visit: Visit, link: PreferencesLink, now: datetime) -> View:
    """End the mail: sent by the button of the page, or by a mail program with one click."""
    recipient = preference_links.recipient_of(link.link)
    await actions.unsubscribe(db.for_account(recipient.account_id), recipient, now)
    return await _view(db, visit, "unsubscribed.html", link)
