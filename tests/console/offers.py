"""What a page offers: the addresses that its links, parts and forms lead to, in the order in which they stand."""

import re
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import parse_qsl

UID = re.compile(r"/[0-9a-f]{8}-[0-9a-f-]{27}(?=/|$)")
NUMBER = re.compile(r"/\d+(?=/|$)")


class Offers(NamedTuple):
    """Addresses to read, and to send forms to; each of a page of the Manage Centre."""

    links: list[str]
    targets: list[str]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.offers = Offers([], [])
        self._is_post = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self._is_post = values.get("method") == "post"
        rows = self.offers.targets if self._is_post else self.offers.links
        for name, places in (
            ("href", self.offers.links),
            ("hx-get", self.offers.links),
            ("formaction", rows),
            ("action", self.offers.targets if self._is_post else []),
        ):
            path = values.get(name) or ""
            # A language is one's own choice; the page stays.
            if path.startswith("/manage") and "is_chosen" not in path:
                places.append(path.partition("#")[0])


def offers_of(html: str) -> Offers:
    """Return what a page offers."""
    reader = _Reader()
    reader.feed(html)
    return reader.offers


def kind_of(url: str) -> str:
    """Return an address without its ids, and of its parameters the action alone: what is open and what is not."""
    path, _, query = url.partition("?")
    actions = [value for name, value in parse_qsl(query) if name == "action"]
    return NUMBER.sub("/1", UID.sub("/uid", path)) + "".join(actions)
