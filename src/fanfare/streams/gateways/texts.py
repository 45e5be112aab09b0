"""Plain texts and URLs from what strangers write: no markup, no control characters, bounded."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import urlsplit

from fanfare.streams.schemas.records import MAX_CAPTION, URL

MAX_HTML = 64 * 1024
MAX_NAME = 255
BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "blockquote"})
HIDDEN = frozenset({"script", "style", "template", "noscript", "head", "title", "iframe"})
# Control characters, and those that turn the direction of the text that follows.
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
MARKS = re.compile("([\u0300-\u036f]{3})[\u0300-\u036f]+")
SPACES = re.compile(r"[ \t\u00a0]+")
LINES = re.compile(r"\s*\n\s*")
SAFE = re.compile(URL)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.images: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HIDDEN:
            self._hidden += 1
        elif tag in BREAKS:
            self.parts.append("\n")
        if tag == "img":
            self.images += [value for name, value in attrs if name == "src" and value]

    def handle_endtag(self, tag: str) -> None:
        if tag in HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def plain_text(html: str) -> tuple[str, list[str]]:
    """Return the text of HTML and the URLs of its pictures."""
    parser = _Text()
    parser.feed(html[:MAX_HTML])
    parser.close()
    return clean("".join(parser.parts)), [url for each in parser.images if (url := safe_url(each))]


def clean(text: str | None, max_length: int = MAX_CAPTION) -> str:
    """Return a text without control characters and stacked marks, of at most `max_length` characters."""
    text = CONTROLS.sub("", (text or "")[: 4 * max_length].replace("\r", "\n"))
    text = LINES.sub("\n", SPACES.sub(" ", MARKS.sub(r"\1", text))).strip()
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def name_of(text: str | None) -> str | None:
    """Return a name in one line, or None."""
    return clean(" ".join((text or "").split()), MAX_NAME) or None


def shown_name(text: str | None) -> str | None:
    """Return a name in one line, or None, also for one with an email address, which is never shown."""
    name = name_of(text)
    return None if name is None or "@" in name else name


def safe_url(text: object) -> str | None:
    """Return a URL of the web as it may be a link, or None."""
    url = str(text or "").strip()
    if not SAFE.fullmatch(url) or CONTROLS.search(url):
        return None
    try:
        return url if urlsplit(url).hostname else None
    except ValueError:
        return None


def moment_of(text: str | None) -> datetime | None:
    """Return the moment of an ISO 8601 text, or None."""
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
