"""Where trackers redirect: the forms of target URLs, keys, hosts and wildcards."""

import re
from functools import lru_cache
from typing import Annotated
from urllib.parse import quote, urlsplit

import idna

from fanfare.kernel.wire import ChoiceForm, Form, TextForm, storage_fault, text_of

MAX_URL = 2000
MAX_KEY = 64
MAX_HOST = 253
MAX_WILDCARD = 128
MAX_STARS = 8
# Targets with a query: most visitors of a link come with the same.
CACHED_TARGETS = 500
SCHEMES = ("http", "https")
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"(?:{LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
# What a browser would read otherwise than we do, or drop.
UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029]")
# Reserved and unreserved characters of RFC 3986, and the percent sign of escapes; quote() keeps letters and digits.
PATH_SAFE = "%/:@!$&'()*+,;=-._~"
QUERY_SAFE = PATH_SAFE + "?"
# Words that have a meaning of their own below /trk/.
RESERVED_KEYS = frozenset({"events", "check"})
NETWORKS = ("spotify", "instagram", "facebook", "google", "X")
CUSTOM = "custom"


class TargetUrlForm(Form):
    """An http or https URL in ASCII: letters of other scripts are escaped, in host names as in the DNS."""

    def read(self, raw: object) -> str:
        """Return the URL."""
        text = text_of(raw).strip()
        if len(text) > MAX_URL:
            message = f"must be at most {MAX_URL} characters"
            raise ValueError(message)
        if UNSAFE.search(text) or storage_fault(text):
            message = "must not contain spaces, control characters or backslashes; escape them, such as %20"
            raise ValueError(message)
        url = _ascii_url(text)
        if len(url) > MAX_URL:
            message = f"must be at most {MAX_URL} characters, escaped"
            raise ValueError(message)
        return url

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema."""
        return {"type": "string", "format": "uri", "maxLength": MAX_URL, "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://"}


def _ascii_url(text: str) -> str:
    message = "must be a URL that starts with http:// or https:// and names a host, without a user"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(message) from None
    if parts.scheme not in SCHEMES or not parts.hostname or "@" in parts.netloc:
        raise ValueError(message)
    host = _ascii_host(parts.hostname)
    place = f"{host}:{port}" if port is not None else host
    path = quote(parts.path or "/", safe=PATH_SAFE)
    query = f"?{quote(parts.query, safe=QUERY_SAFE)}" if parts.query else ""
    fragment = f"#{quote(parts.fragment, safe=QUERY_SAFE)}" if parts.fragment else ""
    return f"{parts.scheme}://{place}{path}{query}{fragment}"


def _ascii_host(host: str) -> str:
    """Return a host name as in the DNS, or an address; raises ValueError for anything else."""
    if ":" in host and re.fullmatch(r"[0-9a-f:.]+", host):
        return f"[{host}]"
    try:
        name = idna.encode(host, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        name = host
    if not re.fullmatch(rf"{LABEL}(?:\.{LABEL})*\.?", name):
        message = "must name a host such as www.example.com"
        raise ValueError(message)
    return name


class HostForm(Form):
    """A host name such as go.example.com, in lower case and as in the DNS."""

    def read(self, raw: object) -> str:
        """Return the name."""
        text = text_of(raw).strip().removesuffix(".")
        message = "must be a host name such as go.example.com, without scheme, port and path"
        if len(text) > MAX_HOST or not text:
            raise ValueError(message)
        try:
            name = idna.encode(text, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            raise ValueError(message) from None
        if len(name) > MAX_HOST or not HOST.fullmatch(name):
            raise ValueError(message)
        return name

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema."""
        return {"type": "string", "maxLength": MAX_HOST, "examples": ["go.example.com"]}


class AnyHostForm(TextForm):
    """A host, with or without a port: the operator's may be an address."""

    def __init__(self) -> None:
        super().__init__(MAX_HOST + 8, r"[^\s/?#@\\]+", "must be a host name such as go.example.com")

    def read(self, raw: object) -> str:
        """Return the host in lower case."""
        return super().read(raw).lower()


class TrackerKeyForm(TextForm):
    """The key of a tracker: ASCII letters and digits, whose case matters."""

    def __init__(self) -> None:
        super().__init__(MAX_KEY, "[A-Za-z0-9]+", "must be letters and digits")

    def read(self, raw: object) -> str:
        """Return the key."""
        key = super().read(raw)
        if key in RESERVED_KEYS:
            message = f"must not be {' or '.join(sorted(RESERVED_KEYS))}"
            raise ValueError(message)
        return key


class WildcardForm(TextForm):
    """A pattern of names: `*` stands for any characters, `?` for one; few stars, to match in bounded time."""

    def __init__(self) -> None:
        super().__init__(MAX_WILDCARD)

    def read(self, raw: object) -> str:
        """Return the pattern; stars in a row are one."""
        pattern = re.sub(r"\*+", "*", super().read(raw))
        if pattern.count("*") > MAX_STARS:
            message = f"must have at most {MAX_STARS} stars"
            raise ValueError(message)
        return pattern


class TrackerNetworkForm(ChoiceForm):
    """A network; anything else becomes custom."""

    def __init__(self) -> None:
        super().__init__(*NETWORKS, CUSTOM)

    def read(self, raw: object) -> str:
        """Return the network."""
        try:
            return super().read(raw)
        except ValueError:
            return CUSTOM

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema."""
        return {"type": "string", "examples": [*NETWORKS, CUSTOM]}


TargetUrl = Annotated[str, TargetUrlForm()]
Host = Annotated[str, HostForm()]
AnyHost = Annotated[str, AnyHostForm()]
TrackerKey = Annotated[str, TrackerKeyForm()]
EventWildcard = Annotated[str, WildcardForm()]
TrackerNetwork = Annotated[str, TrackerNetworkForm()]


@lru_cache(CACHED_TARGETS)
def with_query(url: str, query: str, utm: tuple[tuple[str, str], ...], inner: str | None = None) -> tuple[str, str]:
    """Return a target with the query of a request, and with those UTM parameters that neither has.

    It comes in two parts: between them stands the value of the parameter `inner`, if one is named.
    """
    target, mark, fragment = url.partition("#")
    base, _, fixed = target.partition("?")
    pairs = [pair for part in (fixed, query) for pair in part.split("&") if pair]
    names = {pair.partition("=")[0] for pair in pairs}
    added = [f"{name}={quote(value, safe='')}" for name, value in utm if value and name not in names]
    if inner is None:
        pairs += added
        return f"{base}{'?' if pairs else ''}{'&'.join(pairs)}", f"{mark}{fragment}"
    start = "&".join([*pairs, f"{inner}="])
    return f"{base}?{start}", f"{''.join(f'&{each}' for each in added)}{mark}{fragment}"
