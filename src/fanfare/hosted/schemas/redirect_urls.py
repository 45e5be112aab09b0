"""Shapes of redirect URLs, and which URLs can be one."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar
from urllib.parse import unquote

import msgspec

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Form, Id

MAX_URL = 2000
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST = rf"(?:{LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?"
LOOPBACK = r"localhost|127\.0\.0\.1|\[::1\]"
# In the one spelling that browsers use too, so that equal texts are equal addresses and what differs leads elsewhere.
REDIRECT_URL = re.compile(
    rf"(?:https://(?:{HOST}|{LOOPBACK})|http://(?:{LOOPBACK}))(?::[1-9][0-9]{{0,4}})?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)


class UrlForm(Form):
    """A URL exactly as it was sent, because it is compared character by character."""

    def read(self, raw: object) -> str:
        """Return the text."""
        if not isinstance(raw, str):
            message = "must be a string"
            raise ValueError(message)  # noqa: TRY004 - a wrong parameter
        if len(raw) > MAX_URL:
            message = f"must be at most {MAX_URL} characters"
            raise ValueError(message)
        return raw

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema."""
        return {"type": "string", "maxLength": MAX_URL}


class RedirectUrlForm(UrlForm):
    """A URL to which browsers can be redirected: https, or http on the machine itself; no user, no fragment."""

    def read(self, raw: object) -> str:
        """Return the text."""
        text = super().read(raw)
        match = REDIRECT_URL.fullmatch(text)
        if match is None:
            message = (
                "must be an https URL such as https://www.example.com/login, in ASCII and with the host in lower case,"
                " without user, fragment and backslash; http only for localhost"
            )
            raise ValueError(message)
        if any(unquote(segment) in (".", "..") for segment in (match["path"] or "").split("/")):
            message = "must not contain the path segments . and .."
            raise ValueError(message)
        return text

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema."""
        return {**super().schema(), "pattern": "^https?://"}


SentUrl = Annotated[str, UrlForm()]


class NewRedirectUrl(Params):
    """A URL to which the login page may lead back."""

    redirect_url: Annotated[
        Annotated[str, RedirectUrlForm()],
        "URL of the site, with its query if it has one; compared character by character.",
    ]
    business_id: Annotated[Id | None, "Business whose login may lead there; any of the account when left out."] = None

    example: ClassVar[Mapping[str, object]] = {"redirect_url": "https://www.example.com/login"}


class OneRedirectUrl(Params):
    """Which redirect URL."""

    redirect_url_id: Annotated[Id, "Redirect URL by its id."]


class RedirectUrl(msgspec.Struct):
    """A URL to which the login page may lead back; business_id is null for every business of the account."""

    redirect_url_id: int
    account_id: int
    business_id: int | None
    redirect_url: str
    creation_timestamp: int


class RedirectUrlSaved(msgspec.Struct):
    """The redirect URL that was saved."""

    redirect_url_id: int
