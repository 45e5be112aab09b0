"""Refusals: every error response. The docstring is the title, `status` the HTTP status, `code` the stable name."""

import re
import uuid
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, ClassVar

# The maximum length of a client's key in a message.
MAX_KEY_LENGTH = 100


class CannotRun(Exception):  # noqa: N818 - a message to the operator
    """A command cannot run here; the message says why and what to do."""


class Refusal(Exception):  # noqa: N818 - a response, not a fault of the program
    """The request cannot be carried out"""

    status = 400
    # Headers of the response.
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None) -> None:
        """`detail` is shown to the client; by default it is the title."""
        self.detail = detail or self.title()
        self.retry_after = retry_after
        super().__init__(self.detail)

    @classmethod
    def title(cls) -> str:
        """Return the first line of the docstring."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @classmethod
    def code(cls) -> str:
        """Return the class name in snake_case, which clients compare."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def problem(self) -> dict[str, object]:
        """Return the members of the problem+json response, except the request id."""
        return {
            "type": "about:blank",
            "title": self.title(),
            "status": self.status,
            "detail": self.detail,
            "code": self.code(),
            "error": self.detail,
        }


def _missing(noun: str, key: int | uuid.UUID | str) -> str:
    if isinstance(key, str):
        return f"no {noun} is named {key[:MAX_KEY_LENGTH]!r}"
    return f"no {noun} has the {'uid' if isinstance(key, uuid.UUID) else 'id'} {key}"


class Unreadable(Refusal):
    """The request cannot be read"""

    status = 400


class TooSlow(Refusal):
    """The request did not arrive in time"""

    status = 408


class NoKey(Refusal):
    """A valid api_key is required"""

    status = 401


class Forbidden(Refusal):
    """The key does not allow this call"""

    status = 403


class Unknown(Refusal):
    """Not found"""

    status = 404

    def __init__(self, detail: str | None = None, **keys: int | uuid.UUID | str | None) -> None:
        """`detail` is a sentence; `keys` are nouns with the keys that were looked up, such as `fan=5`.

        Keys that are None are left out. The sentence must be the same for an object of another account, and contain no
        personal data.
        """
        missing = [_missing(noun.replace("_", " "), key) for noun, key in keys.items() if key is not None]
        text = ", or ".join(missing)
        super().__init__(detail or f"{text[:1].upper()}{text[1:]}")


class NotAllowed(Refusal):
    """Method not allowed"""

    status = 405


class Conflict(Refusal):
    """The request conflicts with what is stored"""

    status = 409


class TooLarge(Refusal):
    """The request is too large"""

    status = 413


class UnsupportedMediaType(Refusal):
    """The media type or the coding of the body is not supported"""

    status = 415


class UnsupportedEncoding(UnsupportedMediaType):
    """Compressed bodies are not supported; send the body uncompressed"""

    # RFC 9110: the encoding to use instead.
    headers: ClassVar[Mapping[str, str]] = {"Accept-Encoding": "identity"}


class TargetTooLong(Refusal):
    """The URL is too long"""

    status = 414


class HeadTooLarge(Refusal):
    """The request headers are too large"""

    status = 431


class BadParameters(Refusal):
    """Some parameters are invalid"""

    status = 422

    def __init__(self, errors: Iterable[tuple[str, str]], values: Mapping[str, Any] | None = None) -> None:
        """`errors` are fields with messages, in the order to be shown; `values` are the valid fields, if known."""
        self.errors = list(errors)
        self.values = values or {}
        super().__init__(self._text())

    def add(self, errors: Iterable[tuple[str, str]]) -> None:
        """Add more errors, except for fields that already have one."""
        fields = {field for field, _ in self.errors}
        self.errors += [each for each in errors if each[0] not in fields]
        self.detail = self._text()

    def _text(self) -> str:
        return "; ".join(f"{field}: {message}" if field else message for field, message in self.errors)

    def problem(self) -> dict[str, object]:
        """Return the members of the problem+json response, with one entry for each wrong field."""
        errors = [{"field": field, "message": message} for field, message in self.errors]
        return {**super().problem(), "errors": errors}


async def faults_of(*checks: Awaitable[object]) -> list[tuple[str, str]]:
    """Run checks one after the other and return all errors that they raise."""
    faults: list[tuple[str, str]] = []
    for check in checks:
        try:
            await check
        except BadParameters as wrong:
            faults += wrong.errors
    return faults


class TooManyCalls(Refusal):
    """The rate limit of this key is exceeded"""

    status = 429


class TooManyRefusals(TooManyCalls):
    """Too many calls from this IP address failed in this minute; check the key and the secret"""


class TooManyVisits(TooManyCalls):
    """Too many pages were requested from your network in this minute; wait a moment and try again"""


class OAuthRefusal(Refusal):
    """An error of OAuth 2

    Its name in snake_case is the code of the RFC.
    """

    # Whether it may answer a guess at a secret, which is counted by IP address.
    is_guess: ClassVar[bool] = False


def error_description(text: str) -> str:
    """Return a text with the characters alone that RFC 6749 allows in error_description."""
    return re.sub(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]", "'", text)


class InvalidRequest(OAuthRefusal):
    """The request lacks a parameter, repeats one, or is malformed"""


class MethodNotServed(Refusal):
    """The method or transfer coding is not supported"""

    status = 501


class VersionNotServed(Refusal):
    """Only HTTP/1.1 and HTTP/1.0 are supported"""

    status = 505


class Unavailable(Refusal):
    """The service is temporarily unavailable; try again shortly"""

    status = 503

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        """`retry_after` is the number of seconds the client should wait."""
        super().__init__(detail, retry_after=retry_after)
