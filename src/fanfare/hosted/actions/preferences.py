"""Makes links for fans, and writes what a fan chooses on a page into the ledger of consents."""

import base64
import hmac
from datetime import datetime

from fanfare.accounts.queries import account_by_id, business
from fanfare.fans.actions.fans import change_fan
from fanfare.fans.queries.fans import check_fan
from fanfare.fans.schemas.fans import Fan, FanChanges
from fanfare.hosted.actions.addresses import addresses
from fanfare.hosted.queries.preferences import LinkUnknown, current_fan
from fanfare.hosted.schemas.preferences import Choices, FanLinks, PreferenceLinks, Recipient
from fanfare.kernel.data.db import Db
from fanfare.kernel.running.secret_keys import secret_keys

PURPOSE = "preferences"
PREFERENCES, UNSUBSCRIBE = "/crm/preferences", "/crm/unsubscribe"
ONE_CLICK = "List-Unsubscribe=One-Click"
SOURCE = "preferences page"
SIGNATURE_BYTES = 16


def link_for(recipient: Recipient) -> str:
    """Return the text of a link for a recipient: the ids, and a signature that nobody can make without the keys."""
    ids = f"{recipient.account_id}.{recipient.fan_id}.{recipient.business_id or 0}"
    return f"{ids}.{_signature(secret_keys.derived(PURPOSE)[0], ids)}"


def recipient_of(link: str) -> Recipient:
    """Return the recipient of a link; refuses one that was not made here, or whose key has ended."""
    ids, _, signature = link.rpartition(".")
    keys = secret_keys.derived(PURPOSE)
    if not any(hmac.compare_digest(_signature(key, ids).encode(), signature.encode()) for key in keys):
        raise LinkUnknown
    account_id, fan_id, business_id = (int(part) for part in ids.split("."))
    return Recipient(account_id, fan_id, business_id or None)


def _signature(key: bytes, ids: str) -> str:
    digest = hmac.digest(key, ids.encode(), "sha256")[:SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


async def links_for(db: Db, account_id: int, query: FanLinks) -> PreferenceLinks:
    """Return the links for a fan. Refuses a fan or business that is not there (404)."""
    await check_fan(db, account_id, query.fan_id)
    if query.business_id is not None:
        await business(db, account_id, query.business_id)
    link = link_for(Recipient(account_id, query.fan_id, query.business_id))
    unsubscribe_url = f"{addresses.base}{UNSUBSCRIBE}?link={link}"
    return PreferenceLinks(
        f"{addresses.base}{PREFERENCES}?link={link}", unsubscribe_url, f"<{unsubscribe_url}>", ONE_CLICK
    )


async def unsubscribe(db: Db, recipient: Recipient, now: datetime) -> None:
    """Note that the fan wants no more mail, or none of the business that the link speaks of; once, if sent again."""
    person = await current_fan(db, recipient)
    if recipient.business_id is None and person.is_subscribed:
        await _note(db, recipient, FanChanges(fan_id=person.fan_id, is_subscribed=False), now, None)
    elif recipient.business_id in person.opted_in_business_ids:
        changes = FanChanges(fan_id=person.fan_id, businesses={str(recipient.business_id): False})
        await _note(db, recipient, changes, now, None)


async def save_choices(db: Db, recipient: Recipient, choices: Choices, now: datetime, wording: str) -> None:
    """Note each choice of the fan that differs from what is on record; `wording` is what the fan has read."""
    person = await current_fan(db, recipient)
    await _note(db, recipient, _changes(person, choices), now, wording)


def _changes(person: Fan, choices: Choices) -> FanChanges:
    if choices.is_nothing:
        return FanChanges(fan_id=person.fan_id, is_optout=True)
    old, new = set(person.opted_in_business_ids), set(choices.business_ids or [])
    return FanChanges(
        fan_id=person.fan_id,
        is_subscribed=choices.email if choices.email != person.is_subscribed else None,
        is_phone_subscribed=choices.phone if choices.phone != person.is_phone_subscribed else None,
        businesses={str(each): each in new for each in old ^ new},
    )


async def _note(db: Db, recipient: Recipient, changes: FanChanges, now: datetime, wording: str | None) -> None:
    account = await account_by_id(db, recipient.account_id)
    changes.consent_source, changes.consent_wording = SOURCE, wording
    await change_fan(db, account, changes, now, source=SOURCE)
