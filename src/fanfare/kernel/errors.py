"""Refusals: every way to say no. The docstring is the title, `status` the HTTP status, `code` the stable word."""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar


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


class Unreadable(Refusal):
    """The request cannot be read"""

    status = 400


class TooSlow(Refusal):
    """The request did not arrive in time"""

    status = 408


class NoKey(Refusal):
    """A valid api_key is needed"""

    status = 401


class Forbidden(Refusal):
    """The key does not allow this call"""

    status = 403


class Unknown(Refusal):
    """There is no such thing here"""

    status = 404


class NotAllowed(Refusal):
    """The address does not answer that method"""

    status = 405


class Conflict(Refusal):
    """The request contradicts what is stored"""

    status = 409


class TooLarge(Refusal):
    """The request is too large"""

    status = 413


class UnsupportedEncoding(Refusal):
    """The body is compressed, which is not read here; send it as it is"""

    status = 415
    # RFC 9110: what to try instead.
    headers: ClassVar[Mapping[str, str]] = {"Accept-Encoding": "identity"}


class TargetTooLong(Refusal):
    """The address in the request line is too long"""

    status = 414


class HeadTooLarge(Refusal):
    """The head of the request is too large"""

    status = 431


class BadParameters(Refusal):
    """Some parameters are wrong"""

    status = 422

    def __init__(self, errors: Iterable[tuple[str, str]]) -> None:
        """Take every wrong field with its message, in the order to be told."""
        self.errors = list(errors)
        super().__init__("; ".join(f"{field}: {message}" if field else message for field, message in self.errors))

    def problem(self) -> dict[str, object]:
        """Return the members of the problem+json answer, with one entry for each wrong field."""
        named = [{"field": field, "message": message} for field, message in self.errors]
        return {**super().problem(), "errors": named}


class TooManyCalls(Refusal):
    """The key's calls for this minute are used up"""

    status = 429


class TooManyRefusals(TooManyCalls):
    """Too many calls from this address were refused in this minute; check the key and the secret"""


class MethodNotServed(Refusal):
    """The server does not serve this method or transfer coding"""

    status = 501


class VersionNotServed(Refusal):
    """The server speaks HTTP/1.1 and HTTP/1.0 only"""

    status = 505


class Unavailable(Refusal):
    """The server cannot do this right now; try again shortly"""

    status = 503

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        """Take how many seconds the caller should wait."""
        super().__init__(detail, retry_after=retry_after)
