"""What a fan may be sent: the page of preferences, and the page that ends it."""

from datetime import datetime

from fanfare.hosted import actions, queries
from fanfare.hosted.schemas import Choices, PreferencesLink, Recipient
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit, page

TEMPLATES = "hosted/templates"
WORDING = "You may send me: news and offers by email / text messages / messages of the businesses that I tick."


async def _view(db: Db, template: str, link: PreferencesLink, recipient: Recipient) -> View:
    account_db = db.for_account(recipient.account_id)
    person = await queries.current_fan(account_db, recipient)
    return View(
        f"{TEMPLATES}/{template}",
        {
            "look": await queries.look_of(account_db, recipient.account_id, recipient.business_id),
            "fan": person,
            "address": queries.masked(person.email),
            "choices": await queries.choices(account_db, recipient.account_id, person),
            "preferences_url": f"{actions.PREFERENCES}?link={link.link}",
            "is_saved": link.is_saved,
        },
    )


@page.get("/crm/preferences")
async def preferences(db: Db, link: PreferencesLink) -> View:
    """Show what the fan may be sent, to be changed."""
    return await _view(db, "preferences.html", link, actions.recipient_of(link.link))


@page.post("/crm/preferences")
async def preferences_save(db: Db, visit: Visit, choices: Choices, now: datetime) -> Redirect:
    """Save what the fan ticked, and lead back to the page."""
    recipient = actions.recipient_of(choices.link)
    wording = visit.language.text(WORDING)
    await actions.save_choices(db.for_account(recipient.account_id), recipient, choices, now, wording)
    return Redirect(f"{actions.PREFERENCES}?link={choices.link}&is_saved=true")


@page.get("/crm/unsubscribe")
async def unsubscribe(db: Db, link: PreferencesLink) -> View:
    """Ask whether the fan wants no more mail; programs that look at links change nothing."""
    return await _view(db, "unsubscribe.html", link, actions.recipient_of(link.link))


@page.post("/crm/unsubscribe", is_open=True)
async def unsubscribe_now(db: Db, link: PreferencesLink, now: datetime) -> View:
    """End the mail: sent by the button of the page, or by a mail program with one click."""
    recipient = actions.recipient_of(link.link)
    await actions.unsubscribe(db.for_account(recipient.account_id), recipient, now)
    return await _view(db, "unsubscribed.html", link, recipient)
