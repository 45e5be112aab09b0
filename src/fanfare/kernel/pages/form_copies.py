"""Copies of forms: what was typed, sealed, while a page asks for something; the browser sends it once that is done.

A copy is good for half an hour, for the browser that sent the form and for the address to which it went. The server
stores none of it: it is in the page that asks, or in a cookie while the browser is at another site.
"""

import hashlib
import zlib
from datetime import datetime, timedelta

import msgspec

from fanfare.kernel.pages.forms import FormRefused
from fanfare.kernel.pages.page import Visit
from fanfare.kernel.parameters import Raw
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys

# The name of the field that has a copy.
FIELD = "form_copy"
# The pages that ask, to which a copy is sent that goes elsewhere.
ASKING = "/manage/prove"
PURPOSE, MAX_AGE = "form copy", timedelta(minutes=30)
# Characters of a copy: with the fields of the page that asks, a form is less than 64 KiB.
MAX_LENGTH = 48 * 1024
# Characters of a copy in a cookie: browsers keep 4 KiB of one.
MAX_COOKIE_LENGTH = 3600
# Characters of a copy's name.
DIGEST_LENGTH = 32


class CopyRefused(FormRefused):
    """The form that waited cannot be sent any more, or not here; please fill it in again"""


class FormCopy(msgspec.Struct, frozen=True):
    """The fields of a form, where it goes, the browser that sent it and when, and whose it is."""

    visitor_id: str
    url: str
    owner_id: int
    copied_at: datetime
    fields: dict[str, list[str]]


def copy_form(visit: Visit, owner_id: int, raw: Raw, now: datetime) -> str:
    """Return the copy of the form that is sent in a visit; empty for one that is too long, or no form of a page."""
    fields = {name: [each for each in entries if isinstance(each, str)] for name, entries in raw.items()}
    if any(len(fields[name]) < len(entries) for name, entries in raw.items()):
        return ""
    copy = FormCopy(visit.visitor_id, visit.url, owner_id, now, fields)
    text = secret_keys.seal(PURPOSE, zlib.compress(msgspec.json.encode(copy)))
    return text if len(text) <= MAX_LENGTH else ""


def open_copy(text: str, visit: Visit) -> FormCopy | None:
    """Return what a copy has; None for one that is too old, or of another browser."""
    try:
        content = zlib.decompress(secret_keys.unseal(PURPOSE, text, max_age=MAX_AGE))
        copy = msgspec.json.decode(content, type=FormCopy)
    except (NotSealed, msgspec.MsgspecError):
        return None
    return copy if copy.visitor_id == visit.visitor_id else None


def digest_of(text: str) -> str:
    """Return the name of a copy in addresses."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def fields_of(raw: Raw, visit: Visit) -> Raw:
    """Return the fields of a form: those of its copy, where it has one, whose owner the visit then names.

    CopyRefused (403) for a copy that cannot be opened, or goes elsewhere: without it fields that were filled in would
    count as empty.
    """
    path = visit.url.partition("?")[0]
    if FIELD not in raw or path == ASKING or path.startswith(f"{ASKING}/"):
        return raw
    text = raw[FIELD][0] if raw[FIELD] else ""
    copy = open_copy(text, visit) if isinstance(text, str) else None
    if copy is None or copy.url != visit.url:
        raise CopyRefused
    visit.form_owner_id = copy.owner_id
    return {name: list(entries) for name, entries in copy.fields.items()}
