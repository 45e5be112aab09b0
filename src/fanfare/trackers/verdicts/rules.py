"""The verdict on a click: a function of what the request said, and of the published lists.

Their versions are stored with each verdict, so that a job can judge anew what was judged by others.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version

import msgspec

from fanfare.trackers.verdicts.agents import MAX_LENGTH, program_of
from fanfare.trackers.verdicts.networks import data_centres

HUMAN, HEAD, PREFETCH, PREVIEW = "human", "head", "prefetch", "preview"
BOT, DATA_CENTRE, REPEATED = "bot", "datacentre", "repeated"
VERDICTS = (HUMAN, HEAD, PREFETCH, PREVIEW, BOT, DATA_CENTRE, REPEATED)
# The column of tracker_click_days that counts the clicks of a verdict.
COUNT_COLUMNS = {verdict: f"{verdict}_count" for verdict in VERDICTS}
# Raised when the rules of this folder change.
RULES = "1"
# Headers by which browsers say that nobody asked for the page yet.
PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")
PREFETCHING = re.compile(r"\b(?:prefetch|prerender|preload)\b", re.IGNORECASE)
PREVIEWING = re.compile(r"\bpreview\b", re.IGNORECASE)
MAX_PURPOSE = 100
NO_AGENT = "no user agent"


class Signals(msgspec.Struct, frozen=True):
    """What a request said of itself."""

    method: str
    purpose: str | None
    user_agent: str | None
    ip_address: str | None


class Verdict(msgspec.Struct, frozen=True):
    """Who or what made a click, and why we think so."""

    verdict: str
    reason: str


def signals(method: str, headers: Mapping[str, str], ip_address: str | None) -> Signals:
    """Return what a request says, bounded."""
    purpose = next(filter(None, map(headers.get, PURPOSES)), None)
    user_agent = headers.get("user-agent")
    return Signals(
        method,
        _printable(purpose)[:MAX_PURPOSE] if purpose else None,
        _printable(user_agent)[:MAX_LENGTH] if user_agent else None,
        ip_address,
    )


def _printable(text: str) -> str:
    """Return a text without characters that cannot be stored or shown."""
    return text if text.isprintable() else "".join(letter for letter in text if letter.isprintable())


def judge(request: Signals) -> Verdict:
    """Return the verdict on a request by itself; whether it is a repetition, the database knows."""
    if request.method == "HEAD":
        return Verdict(HEAD, "method HEAD")
    for verdict, pattern in ((PREFETCH, PREFETCHING), (PREVIEW, PREVIEWING)):
        if request.purpose and pattern.search(request.purpose):
            return Verdict(verdict, f"header: {request.purpose}")
    program = program_of(request.user_agent) if request.user_agent else (BOT, NO_AGENT)
    if program:
        return Verdict(*program)
    if request.ip_address and data_centres.has(request.ip_address):
        return Verdict(DATA_CENTRE, "address of a data centre")
    return Verdict(HUMAN, "browser")


@cache
def _list_versions() -> str:
    return f"{version('crawler-user-agents')}/{version('ua-parser-builtins')}"


def rules_version() -> str:
    """Return the version of the rules and lists by which this process judges."""
    return f"{RULES}/{_list_versions()}/{data_centres.version}"
