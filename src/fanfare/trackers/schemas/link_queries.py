"""The query of a link: what is passed on to the target, what is stored of it, and the parameters that are ours."""

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec

from fanfare.trackers.schemas.urls import QUERY_SAFE

# Parameters of ours; the first is passed on to the target, the second is not.
CLICK, FAN = "trk_click", "trk_fan"
OURS = (CLICK.encode(), FAN.encode())
MAX_FAN_TOKEN = 400
# What is stored of a query: so many parameters, of so many characters.
MAX_PROPS, MAX_PROP = 20, 200
# Most visitors of a link come with the same query.
CACHED_QUERIES = 500
# Escapes, and the plus sign for a space.
ESCAPED = re.compile(rb"[%+]")


class LinkQuery(msgspec.Struct, frozen=True):
    """A query: `passed` is what the target gets, `props` what is stored, `fan_token` the text that names a fan."""

    passed: str
    props: Mapping[str, str] | None
    fan_token: str | None


@lru_cache(CACHED_QUERIES)
def read_query(query: bytes) -> LinkQuery:
    """Return a query of a link as it is passed on and stored; it is escaped where it is not."""
    pairs = [pair.partition(b"=") for pair in query.split(b"&") if pair]
    others = [each for each in pairs if each[0] not in OURS]
    passed = quote_from_bytes(b"&".join(b"".join(each) for each in others), safe=QUERY_SAFE)
    tokens = [value for name, _, value in pairs if name == OURS[1] and len(value) <= MAX_FAN_TOKEN]
    props: dict[str, str] = {}
    for raw_name, _, value in others:
        name = _text(raw_name)
        if name and name not in (CLICK, FAN) and len(props) < MAX_PROPS:
            props.setdefault(name, _text(value))
    return LinkQuery(passed, props or None, _text(tokens[0], MAX_FAN_TOKEN) if tokens else None)


def _text(raw: bytes, length: int = MAX_PROP) -> str:
    if ESCAPED.search(raw):
        raw = unquote_to_bytes(raw.replace(b"+", b" "))
    text = raw.decode("utf-8", "replace")
    return (text if text.isprintable() else "".join(filter(str.isprintable, text)))[:length]
