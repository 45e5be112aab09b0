"""The page decorator: declares the URL of a page beside the function that answers.

`site.py` calls the function with the arguments that its parameters ask for by type: the database (`Db`), the visit
(`Visit`), the current time (`datetime`) and one struct of parameters (`Params`), or the parameters as they were sent
(`Raw`) where a standard prescribes the errors. It returns a `View`, a `Redirect`, a `Download` or, for a
script of the page, `Data`; or it raises a `Detour`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import IO, Any, TypeVar, get_type_hints
from urllib.parse import urlsplit

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.data.uploads import Upload
from fanfare.kernel.errors import Refusal
from fanfare.kernel.pages.cookies import Cookie
from fanfare.kernel.pages.filling import Submission
from fanfare.kernel.pages.languages import PARAMETER, Language, select_language
from fanfare.kernel.parameters import Params, Raw

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


class View(msgspec.Struct, frozen=True):
    """A template, by its path inside the package, and its values."""

    template: str
    values: Mapping[str, Any] = {}
    status: int = 200
    # seconds after which a refused request may be repeated
    retry_after: int | None = None


class Redirect(msgspec.Struct, frozen=True):
    """Redirects the browser by GET: to another page of this server, or to a URL that was registered for that."""

    location: str


class Detour(Exception):  # noqa: N818 - no fault: the visitor goes to another page first, such as the login
    """The visitor goes to another page first."""

    def __init__(self, location: str) -> None:
        """`location` is where a `Redirect` would lead."""
        self.redirect = Redirect(location)
        super().__init__(location)


class Download(msgspec.Struct, frozen=True):
    """A file for the visitor to keep, read from its beginning and closed when it is sent."""

    file: IO[bytes]
    file_name: str
    media_type: str


class Data(msgspec.Struct, frozen=True):
    """A struct for a script of the page, which gets it as JSON."""

    value: msgspec.Struct


Answer = View | Redirect | Download | Data


class Visit(msgspec.Struct):
    """One request for a page: visitor, language, and the errors of a submitted form."""

    # the path and query of the page, for links and forms that lead back to it
    url: str
    address: str | None
    language: Language
    # random and constant during a browser session; set as a cookie if the page has a form
    visitor_id: str
    # for the element <style>, new for each response
    nonce: str
    # the parameters of the query; None if they cannot be read
    query: Raw | None = None
    # the parameter that chose the language, for links to other pages; empty when the browser chose it
    chosen_language: Mapping[str, str] = {}
    # the values of a refused form, and the message of each invalid field
    form: Mapping[str, str] = {}
    # all values of its fields, for boxes of one name
    entries: Mapping[str, Sequence[object]] = {}
    faults: Mapping[str, str] = {}
    # the messages of a form that has no page of its own, by its fields: the page above it is shown
    refused: Mapping[str, str] = {}
    # what speaks against a form whose fields are right: the page of the form is shown
    conflict: Refusal | None = None
    # the form that was refused, which the page shows as it was sent
    submission: Submission | None = None
    # the person whose form waited and is sent now
    form_owner_id: int | None = None
    # the header Host and the user agent
    host: str | None = None
    user_agent: str | None = None
    # whether the page is sent: a HEAD request asks for its headers alone
    has_body: bool = True
    # our cookies of the request, and those that the response sets, by their names without the prefix
    cookies: Mapping[str, str] = {}
    new_cookies: dict[str, Cookie] = {}
    # the file of the form, for pages that take one
    upload: Upload | None = None
    # the site of an `https:` URL to which a form of this page may lead in the end
    form_target: str = ""

    def choose_language(self, code: str) -> None:
        """Answer in the language with this code, if there is one."""
        if code:
            self.language = select_language(code, self.language.code)
            self.chosen_language = {PARAMETER: self.language.code}

    def leads_to(self, url: str) -> None:
        """Let the browser follow a redirect to the site of this URL after a form of this page; no other site is let."""
        parts = urlsplit(url)
        # A policy cannot name an address of IPv6, which is [::1], the machine itself: browsers ignore such a source.
        host = "*" + parts.netloc.rpartition("]")[2] if "[" in parts.netloc else parts.netloc
        self.form_target = f"{parts.scheme}://{host}"


class Page(msgspec.Struct, frozen=True):
    """A page: method, path, function and parameters."""

    method: str
    path: str
    handler: Callable[..., Awaitable[Answer]]
    arguments: tuple[tuple[str, Any], ...]
    params: type[Params] | None
    # a POST that may come from anywhere, because its URL alone authorizes it
    is_open: bool = False
    # a page that everybody may read, inside other sites too
    is_framed: bool = False
    # a POST whose form ends with a file, which the page reads in parts
    takes_file: bool = False


class _Decorator:
    """Provides `@page.get("/crm/…")`."""

    def get(self, path: str, *, is_framed: bool = False) -> Callable[[F], F]:
        """Declare a page that reads. With `is_framed` other sites may show it in a frame, and caches for seconds."""
        return self._mark("GET", path, is_framed=is_framed)

    def post(self, path: str, *, is_open: bool = False, takes_file: bool = False) -> Callable[[F], F]:
        """Declare the target of a form. Without `is_open` it requires the token of a form of this server.

        With `takes_file` the form is multipart/form-data and ends with a file, which is `visit.upload`.
        """
        return self._mark("POST", path, is_open=is_open, takes_file=takes_file)

    def _mark(self, method: str, path: str, **options: bool) -> Callable[[F], F]:
        def mark(handler: F) -> F:
            hints = get_type_hints(handler)
            hints.pop("return")
            structs = [hint for hint in hints.values() if isinstance(hint, type) and issubclass(hint, Params)]
            params = structs[0] if structs else None
            unknown = [hint for hint in hints.values() if hint not in (Db, Visit, datetime, Raw, params)]
            if unknown:
                message = f"{handler.__name__} asks for {unknown}, which no page provides"
                raise TypeError(message)
            handler.page = Page(  # type: ignore[attr-defined]
                method, path, handler, tuple(hints.items()), params, **options
            )
            return handler

        return mark


page = _Decorator()
