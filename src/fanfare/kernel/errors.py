"""Refusals: every way to say no. The docstring is the title, `status` the HTTP status, `code` the stable word."""

import re
import uuid
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, ClassVar

# How much of a key that a caller sent a message repeats.
LONGEST_KEY = 100


class CannotRun(Exception):  # noqa: N818 - an answer to the operator, told as it is
    """A command cannot do its work here; the message says why and what to do."""


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault of the program
    """The request cannot be carried out"""

    status = 400
    # What the answer carries beside the problem.
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None) -> None:
        """Take what to tell the caller; without it the class's own sentence is told."""
        self.detail = detail or self.title()
        self.retry_after = retry_after
        super().__init__(self.detail)

    @classmethod
    def title(cls) -> str:
        """Return the first line of the docstring."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @classmethod
    def code(cls) -> str:
        """Return the class's name in snake_case: the word that programs compare."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def problem(self) -> dict[str, object]:
        """Return the members of the problem+json answer that this refusal knows."""
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
        return f"no {noun} is named {key[:LONGEST_KEY]!r}"
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
        """Take what was not found, as a sentence or as nouns with the keys that were looked up: `fan=5`.

        Keys that are None are left out. The sentence must be the same for another account's object, and hold nothing
        personal.
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

    # RFC 9110: what to try instead.
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
        """Take every wrong field with its message, in the order to be told, and the fields that are right, if known."""
        self.errors = list(errors)
        self.values = values or {}
        super().__init__(self._text())

    def add(self, errors: Iterable[tuple[str, str]]) -> None:
        """Add more wrong fields; of a field that is named already nothing more is told."""
        fields = {field for field, _ in self.errors}
        self.errors += [each for each in errors if each[0] not in fields]
        self.detail = self._text()

    def _text(self) -> str:
        return "; ".join(f"{field}: {message}" if field else message for field, message in self.errors)

    def problem(self) -> dict[str, object]:
        """Return the members of the problem+json answer, with one entry for each wrong field."""
        errors = [{"field": field, "message": message} for field, message in self.errors]
        return {**super().problem(), "errors": errors}


async def faults_of(*checks: Awaitable[object]) -> list[tuple[str, str]]:
    """Make checks, one after the other, and return every wrong field that they refuse."""
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
        """Take how many seconds the caller should wait."""
        super().__init__(detail, retry_after=retry_after)
