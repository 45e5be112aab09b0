"""Forms: the visitor's cookie and the token in each form, which prove that a POST comes from one of our pages."""

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from fanfare.kernel.errors import Forbidden
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.page import Visit
from fanfare.kernel.parameters import Raw
from fanfare.kernel.running.secret_keys import NotSealed, secret_keys
from fanfare.kernel.web.request import Request

# The name of the token's field.
TOKEN = "form_token"  # noqa: S105 - a name
PURPOSE = "form"
# How long a page may stay open before its form is sent.
MAX_AGE = timedelta(days=1)
VISITOR_COOKIE = "visitor"
VISITOR_BYTES = 16
VISITOR = re.compile(r"[0-9a-f]{32}")
# Values of Sec-Fetch-Site for requests caused by another site.
FOREIGN = ("cross-site", "same-site")


class ForeignForm(Forbidden):
    """The form was sent from a page of another site"""


class FormRefused(Forbidden):
    """The form has expired; reload the page and send it again"""


def visitor_of(cookies: Mapping[str, str]) -> str:
    """Return the id of the visitor, or a new random one."""
    visitor_id = cookies.get(VISITOR_COOKIE, "")
    return visitor_id if VISITOR.fullmatch(visitor_id) else secrets.token_hex(VISITOR_BYTES)


def token_of(visit: Visit) -> str:
    """Return a new token for a form; the response will set the visitor's cookie."""
    visit.new_cookies.setdefault(VISITOR_COOKIE, Cookie(visit.visitor_id))
    return secret_keys.seal(PURPOSE, visit.visitor_id.encode())


def check_origin(request: Request, public_host: str) -> None:
    """Refuse a POST that a page of another site caused, as far as the browser says so.

    Behind a proxy the header Host may name the upstream server, so the public host is ours as well.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_foreign = site in FOREIGN
    else:
        hosts = (request.headers.get("host"), public_host or None)
        is_foreign = origin is not None and urlsplit(origin).netloc not in hosts
    if is_foreign:
        raise ForeignForm


def check_token(raw: Raw, visitor_id: str) -> None:
    """Raise FormRefused for a POST without a token that this visitor got within the last day."""
    (token, *_) = raw.pop(TOKEN, [""])
    try:
        if secret_keys.unseal(PURPOSE, str(token), max_age=MAX_AGE).decode() == visitor_id:
            return
    except NotSealed:
        pass
    raise FormRefused
