"""Returns links for fans, and writes what a fan chooses on a page into the ledger of consents."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from fanfare.accounts.queries import account_by_id, business
from fanfare.fans.actions.fans import change_fan
from fanfare.fans.queries.fans import check_fan
from fanfare.fans.schemas.fans import Fan, FanChanges
from fanfare.hosted.queries.preferences import current_fan
from fanfare.hosted.schemas.preferences import Choices, FanLinks, PreferenceLinks
from fanfare.kernel.data.db import Db
from fanfare.messages.actions.preference_links import Recipient, preferences_url, unsubscribe_url
from fanfare.messages.gateways import ONE_CLICK

SOURCE = "preferences page"


class Wording(NamedTuple):
    """The page where a fan chose, and the text that the fan read there; None where a press said enough."""

    source: str
    text: str | None = None


async def links_for(db: Db, account_id: int, query: FanLinks) -> PreferenceLinks:
    """Return the links for a fan. Refuses a fan or business that is not there (404)."""
    await check_fan(db, account_id, query.fan_id)
    if query.business_id is not None:
        await business(db, account_id, query.business_id)
    recipient = Recipient(account_id, query.fan_id, query.business_id)
    url = unsubscribe_url(recipient)
    return PreferenceLinks(preferences_url(recipient), url, f"<{url}>", ONE_CLICK)


async def unsubscribe(db: Db, recipient: Recipient, now: datetime) -> None:
    """Note that the fan wants no more mail, or none of the business that the link speaks of; once, if sent again."""
    person = await current_fan(db, recipient)
    if recipient.business_id is None and person.is_subscribed:
        await _note(db, recipient, FanChanges(fan_id=person.fan_id, is_subscribed=False), now, Wording(SOURCE))
    elif recipient.business_id in person.opted_in_business_ids:
        changes = FanChanges(fan_id=person.fan_id, businesses={str(recipient.business_id): False})
        await _note(db, recipient, changes, now, Wording(SOURCE))


async def save_choices(db: Db, recipient: Recipient, choices: Choices, now: datetime, wording: Wording) -> None:
    """Write each choice of the fan that differs from what the page showed into the ledger of consents."""
    person = await current_fan(db, recipient)
    await _note(db, recipient, _changes(person, choices), now, wording)


def _changes(person: Fan, choices: Choices) -> FanChanges:
    if choices.is_nothing:
        return FanChanges(fan_id=person.fan_id, is_optout=True)
    old = _ticks(person.opted_in_business_ids, email=person.is_subscribed, phone=person.is_phone_subscribed)
    new = _ticks(choices.business_ids or [], email=choices.email, phone=choices.phone)
    # A box that the fan left alone says nothing: meanwhile it may have changed, by a link in a mail.
    ticks = old if choices.old_ticks is None else set(choices.old_ticks.split())
    differences = (new ^ ticks) & (new ^ old)
    return FanChanges(
        fan_id=person.fan_id,
        is_subscribed=choices.email if "email" in differences else None,
        is_phone_subscribed=choices.phone if "phone" in differences else None,
        businesses={each: each in new for each in differences - {"email", "phone"}},
    )


def _ticks(business_ids: Iterable[int], *, email: bool, phone: bool) -> set[str]:
    """Return the boxes that are ticked, as the page writes them into `old_ticks`."""
    channels = {"email": email, "phone": phone}
    return {name for name, is_on in channels.items() if is_on} | {str(each) for each in business_ids}


async def _note(db: Db, recipient: Recipient, changes: FanChanges, now: datetime, wording: Wording) -> None:
    account = await account_by_id(db, recipient.account_id)
    changes.consent_source, changes.consent_wording = wording
    await change_fan(db, account, changes, now, source=wording.source)
