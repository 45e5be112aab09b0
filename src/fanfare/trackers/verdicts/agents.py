"""Programs by their user agent: the published lists of crawlers and of ua-parser, and how browsers name themselves."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

from fanfare.kernel.running.garbage import return_memory

if TYPE_CHECKING:
    from ua_parser import Parser

Kind = Literal["preview", "bot"]
Device = Literal["mobile", "tablet", "desktop", "other"]

MAX_LENGTH = 1000
# What is matched of it: the time grows with its length.
JUDGED_LENGTH = 300
CACHED_AGENTS = 20_000
PREVIEW_TAG = "social-preview"
# Patterns of the list that people's browsers match too: in apps of Meta and Viber, in desktop apps, and on devices
# whose name or build contains the word (Panasonic).
BROWSERS_TOO = frozenset(
    {
        "AP3A\\.240617\\.008", "Code\\/1\\.", "Fluid", "MetaIAB Facebook", "Sonic", "Trae\\/", "TSM-turingos", "Viber",
    }
)  # fmt: skip
SPIDER = "Spider"
_LOADED = threading.Event()
_BUILDING = threading.Lock()
# What judges for a while, in a process that serves no links.
_SESSIONS: set[object] = set()
# Every browser that people use begins so.
BROWSER = re.compile(
    r"Mozilla/[45]\.|Opera/[0-9]|\[FB|UCWEB/|(?:Nokia|SonyEricsson|SAMSUNG|BlackBerry|LG)[-A-Z0-9]", re.IGNORECASE
)
# What no browser says of itself: an address to complain to, or a word of a trade.
PROGRAM = re.compile(
    r"https?://|\bwww\.|@[a-z0-9-]+\.[a-z]|\b(?:bot|crawler|spider|scraper|preview|headless\w*|validator|checker"
    r"|link ?check|analyz|extract|fetcher|grabber|proxy|transcoder|translat|insights?|googlemessages|googleweblight"
    r"|pagespeed|lighthouse|mediapartners-google|search console|cypress|bluesky cardyb|pageburst|site24x7|dejaclick"
    r"|duplexweb-google|google-adwords)\b|(?:\b|_)scanner|monitor(?:ing)?\b|observatory|synthetics?|classifier|inspector\b"
    r"|emailproxy|partner_monitoring",
    re.IGNORECASE,
)
# `compatible;` stands in the names of old Internet Explorers, of Konqueror, and of crawlers.
COMPATIBLE = re.compile(r"\(compatible;(?! *(?:MSIE|Konqueror|IBrowse|Windows|U;|ABrowse))", re.IGNORECASE)


@cache
def _patterns() -> tuple[tuple[Kind, re.Pattern[str]], ...]:
    """Return the published patterns: those of previews of social networks first, then the others."""
    # Half a megabyte, for processes that serve links. The package has no types.
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]  # noqa: PLC0415

    rows = [each for each in CRAWLER_USER_AGENTS_DATA if each["pattern"] not in BROWSERS_TOO]
    previews = [each["pattern"] for each in rows if PREVIEW_TAG in each.get("tags", ())]
    programs = [each["pattern"] for each in rows if PREVIEW_TAG not in each.get("tags", ())]
    return ("preview", re.compile("|".join(previews))), ("bot", re.compile("|".join(programs)))


def _parser() -> "Parser":
    """Return the parser, which one thread builds while others wait."""
    with _BUILDING:
        return _built_parser()


@cache
def _built_parser() -> "Parser":
    """Return a parser by the published list: 25 MB, for processes that serve links, and while others judge clicks."""
    from ua_parser import Parser  # noqa: PLC0415 - as above
    from ua_parser.loaders import load_lazy_builtins  # noqa: PLC0415 - as above

    return Parser.from_matchers(load_lazy_builtins())


def load() -> None:
    """Load the lists, which takes a fifth of a second: in a thread, before the first verdict of a process."""
    program_of("Mozilla/5.0 (")
    _LOADED.set()


def is_loaded() -> bool:
    """Return whether the lists are loaded."""
    return _LOADED.is_set()


@contextmanager
def session() -> Iterator[None]:
    """Judge for a while: when the last session of a process ends, the parser is freed, if a verdict needed it."""
    mark = object()
    _SESSIONS.add(mark)
    try:
        yield
    finally:
        _SESSIONS.discard(mark)
        if not _SESSIONS and _built_parser.cache_info().currsize:
            _forget()


def _forget() -> None:
    _LOADED.clear()
    for each in (program_of, device_of, _built_parser):
        each.cache_clear()
    return_memory()


@lru_cache(CACHED_AGENTS)
def program_of(user_agent: str) -> tuple[Kind, str] | None:
    """Return what kind of program has this user agent, and why; None for a browser."""
    text = user_agent[:JUDGED_LENGTH]
    for kind, pattern in _patterns():
        if match := pattern.search(text):
            return kind, f"list of crawlers: {match[0][:60]}"
    device = _parser().parse_device(text)
    if device is not None and device.family == SPIDER:
        return "bot", "ua-parser: spider"
    if not BROWSER.match(text):
        return "bot", "user agent of no browser"
    if match := PROGRAM.search(text) or COMPATIBLE.search(text):
        return "bot", f"user agent of a program: {match[0][:60]}"
    return None


@lru_cache(CACHED_AGENTS)
def device_of(user_agent: str) -> Device:
    """Return the kind of device."""
    text = user_agent[:JUDGED_LENGTH]
    result = _parser().parse(text)
    system = result.os.family if result.os else ""
    family = result.device.family if result.device else ""
    if "iPad" in text or "Tablet" in text or (system == "Android" and "Mobile" not in text):
        return "tablet"
    if "Mobi" in text or system in ("iOS", "Android", "Windows Phone") or "Smartphone" in family:
        return "mobile"
    return (
        "desktop" if system.startswith(("Windows", "Mac OS X", "Linux", "Ubuntu", "Chrome OS", "Fedora")) else "other"
    )
