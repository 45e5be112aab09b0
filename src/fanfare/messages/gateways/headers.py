"""Headers of a mail, as RFC 5322 and RFC 2047 have them.

The standard library's fold a long name at its spaces without its quotes, read `=?` in a text as encoded, and make
encoded words of what programs read.
"""

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote

from fanfare.kernel.running.mail_server import ascii_domain

CONTROLS = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff]+")
PRINTABLE = re.compile(r"[ -~]*")
# A line with encoded words, and what one of them encodes: in base64 it fits beside the longest name of a header.
LONGEST_LINE = 76
WORD_BYTES = 39
# A name that stays as it is, before its address on one line.
LONGEST_NAME = 40
# Of a URL, what stays as it is.
URL_SIGNS = ":/?#[]@!$&'()*+,;=%"
LINE_END, FOLD = "\r\n", "\r\n "
# Where a text may be folded: a reader takes the line break away and leaves the space.
LONE_SPACE = re.compile(r"(?<=[^ ]) (?=[^ ])")
# What needs no quotes: the words of a name, and the part of an address before the @, also beyond ASCII (RFC 6531).
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
PHRASE, LOCAL = re.compile(rf"{ATOM}(?: {ATOM})*"), re.compile(rf"{ATOM}(?:\.{ATOM})*")


def text_header(name: str, text: str) -> str:
    """Return the lines of a header with a text, each with its line break."""
    text = CONTROLS.sub(" ", text).strip()
    lines = _folded(text, LONGEST_LINE - len(name) - 2) if PRINTABLE.fullmatch(text) and "=?" not in text else None
    return _lines(name, lines or _encoded(text))


def address_header(name: str, display_name: str, address: str) -> str:
    """Return the lines of a header with one address, which may have a name."""
    local, _, domain = ascii_domain(address).rpartition("@")
    mail = f"{local if LOCAL.fullmatch(local) else _quoted(local)}@{domain}"
    words = CONTROLS.sub(" ", display_name).strip()
    if not words:
        return line_header(name, mail)
    if len(words) <= LONGEST_NAME and PRINTABLE.fullmatch(words) and "=?" not in words:
        return line_header(name, f"{words if PHRASE.fullmatch(words) else _quoted(words)} <{mail}>")
    return _lines(name, [*_encoded(words), f"<{mail}>"])


def url_header(name: str, url: str) -> str:
    """Return the line of a header with a URL."""
    plain = quote(CONTROLS.sub("", url), safe=URL_SIGNS)
    return line_header(name, f"<{plain}>")


def line_header(name: str, value: str) -> str:
    """Return a header that stays on one line, however long."""
    return _lines(name, [CONTROLS.sub("", value)])


def _lines(name: str, pieces: list[str]) -> str:
    return f"{name}: {FOLD.join(pieces)}{LINE_END}"


def _quoted(text: str) -> str:
    return '"{}"'.format(re.sub(r'(["\\])', r"\\\1", text))


def _folded(text: str, room: int) -> list[str] | None:
    """Return the pieces of a text that fit into lines, the first into less room; None where a word is too long."""
    pieces = [""]
    for word in LONE_SPACE.split(text):
        longer = f"{pieces[-1]} {word}" if pieces[-1] else word
        if len(longer) <= (room if len(pieces) == 1 else LONGEST_LINE - 1):
            pieces[-1] = longer
        elif len(word) < LONGEST_LINE and pieces[-1]:
            pieces.append(word)
        else:
            return None
    return pieces


def _encoded(text: str) -> list[str]:
    return [f"=?utf-8?b?{base64.b64encode(each).decode()}?=" for each in _words(text)]


def _words(text: str) -> Iterator[bytes]:
    """Yield the bytes of a text in pieces of whole characters."""
    word = b""
    for character in text:
        added = character.encode()
        if len(word) + len(added) > WORD_BYTES:
            yield word
            word = b""
        word += added
    if word:
        yield word
