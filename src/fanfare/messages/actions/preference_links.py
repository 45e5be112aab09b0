"""Links for messages to one fan: to the fan's preferences, and to unsubscribe. The pages are in `hosted`.

A link names the fan and is signed, so it cannot be made up. Whoever has it can change what the fan is sent.
"""

import hmac

import msgspec

from fanfare.kernel.base64url import base64url
from fanfare.kernel.errors import Unknown
from fanfare.kernel.running.public_address import public_address
from fanfare.kernel.running.secret_keys import secret_keys

PURPOSE = "preferences"
PREFERENCES, UNSUBSCRIBE = "/crm/preferences", "/crm/unsubscribe"
SIGNATURE_BYTES = 16


class LinkUnknown(Unknown):
    """The link is no longer valid"""

    def __init__(self) -> None:
        super().__init__(detail="Use the link of the newest message that you have from us.")


class Recipient(msgspec.Struct, frozen=True):
    """The fan whom a link names, and the business whose messages it is about; without one, all of the account."""

    account_id: int
    fan_id: int
    business_id: int | None = None


def link_for(recipient: Recipient) -> str:
    """Return the text of a link for a recipient: the ids, and a signature that nobody can make without the keys."""
    ids = f"{recipient.account_id}.{recipient.fan_id}.{recipient.business_id or 0}"
    return f"{ids}.{_signature(secret_keys.derived(PURPOSE)[0], ids)}"


def recipient_of(link: str) -> Recipient:
    """Return the recipient of a link; raises LinkUnknown (404) for one not made here, or whose key has ended."""
    ids, _, signature = link.rpartition(".")
    keys = secret_keys.derived(PURPOSE)
    if not any(hmac.compare_digest(_signature(key, ids).encode(), signature.encode()) for key in keys):
        raise LinkUnknown
    account_id, fan_id, business_id = (int(part) for part in ids.split("."))
    return Recipient(account_id, fan_id, business_id or None)


def _signature(key: bytes, ids: str) -> str:
    digest = hmac.digest(key, ids.encode(), "sha256")[:SIGNATURE_BYTES]
    return base64url(digest)


def preferences_url(recipient: Recipient) -> str:
    """Return the URL of the recipient's preferences."""
    return f"{public_address.base}{PREFERENCES}?link={link_for(recipient)}"


def unsubscribe_url(recipient: Recipient) -> str:
    """Return the URL at which the recipient unsubscribes; a POST there does so at once (RFC 8058)."""
    return f"{public_address.base}{UNSUBSCRIBE}?link={link_for(recipient)}"
