"""Copies of forms: what was typed, sealed, while a page asks for something; the browser sends it once that is done.

A copy is good for half an hour, for the browser that sent the form and for the address to which it went. The server
stores none of it: it is in the page that asks, or in a cookie while the browser is at another site.
"""

import zlib
from datetime import timedelta

import msgspec

from fanfare.kernel.pages.page import Visit
from fanfare.kernel.parameters import Raw
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys

# The name of the field that has a copy.
FIELD = "form_copy"
PURPOSE, MAX_AGE = "form copy", timedelta(minutes=30)
# Characters of a copy: with the fields of the page that asks, a form is less than 64 KiB.
MAX_LENGTH = 48 * 1024
# Characters of a copy in a cookie: browsers keep 4 KiB of one.
MAX_COOKIE_LENGTH = 3600


class FormCopy(msgspec.Struct, frozen=True):
    """The fields of a form, where it goes, the browser that sent it, and whose it is."""

    visitor_id: str
    url: str
    owner_id: int
    fields: dict[str, list[str]]


def copy_form(visit: Visit, owner_id: int, raw: Raw) -> str:
    """Return the copy of the form that is sent in a visit; empty for one that is too long, or no form of a page."""
    fields = {name: [each for each in entries if isinstance(each, str)] for name, entries in raw.items()}
    if any(len(fields[name]) < len(entries) for name, entries in raw.items()):
        return ""
    copy = FormCopy(visit.visitor_id, visit.url, owner_id, fields)
    text = secret_keys.seal(PURPOSE, zlib.compress(msgspec.json.encode(copy)))
    return text if len(text) <= MAX_LENGTH else ""


def open_copy(text: str, visit: Visit) -> FormCopy | None:
    """Return what a copy has; None for one that is too old, or of another browser."""
    try:
        content = zlib.decompress(secret_keys.unseal(PURPOSE, text, max_age=MAX_AGE))
    except NotSealed:
        return None
    copy = msgspec.json.decode(content, type=FormCopy)
    return copy if copy.visitor_id == visit.visitor_id else None


def fields_of(raw: Raw, visit: Visit) -> Raw:
    """Return the fields of a form: those of its copy, where it has one that goes to this address."""
    text = raw.get(FIELD, [""])[0]
    copy = open_copy(text, visit) if isinstance(text, str) and text else None
    if copy is None or copy.url != visit.url:
        return raw
    return {name: list(entries) for name, entries in copy.fields.items()}
