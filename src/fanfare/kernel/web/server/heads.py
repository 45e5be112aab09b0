"""Request heads as bytes: their size limits, and the checks before parsing."""

import re

from fanfare.kernel.errors import HeadTooLarge, MethodNotServed, TargetTooLong, Unreadable, VersionNotServed

# Head and trailers of a request together.
MAX_BYTES = 64 * 1024
MAX_HEADERS = 200
# Including the request line and the empty line.
MAX_LINES = MAX_HEADERS + 2
MAX_TARGET_BYTES = 16 * 1024
END = b"\r\n\r\n"
# 32 bytes are enough for the method, the version and the spaces.
MAX_LINE_BYTES = MAX_TARGET_BYTES + 32
# More digits than any length has; Python refuses to parse thousands of them.
MAX_LENGTH_DIGITS = 20
METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE"})
# A line that passes every check below.
USUAL_LINE = re.compile(rb"(?:GET|HEAD|POST|DELETE) /[^ \r\n]{0,%d} HTTP/1\.1\r\n" % (MAX_TARGET_BYTES - 1))
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VERSIONS = frozenset({b"HTTP/1.1\r", b"HTTP/1.0\r"})
OTHER_VERSION = re.compile(rb"HTTP/\d+(\.\d+)?\r")
UNIQUE_HEADERS = (b"host", b"content-length", b"transfer-encoding")
TARGET_STARTS = (b"/", b"http://", b"https://")
UPGRADE = re.compile(rb"(?i)\r\nupgrade:[^\r\n]*(?=\r\n)")


def head_length(buffer: bytearray, offset: int, used: int = 0, lines: int = 0) -> int:
    """Return the length of the head or the trailers at the start of a buffer, 0 while they are incomplete.

    The search begins at `offset`, before which they do not end: a head that arrives in many packets is scanned once.
    Trailers add to the bytes and lines (`used`, `lines`) of their head. Raises HeadTooLarge.
    """
    end = buffer.find(END, max(0, offset - len(END) + 1))
    length = end + len(END) if end >= 0 else 0
    if used + (length or len(buffer)) > MAX_BYTES:
        message = f"the headers and trailers of the request are larger than {MAX_BYTES} bytes"
        raise HeadTooLarge(message)
    if length and lines + buffer.count(b"\n", 0, length) > MAX_LINES:
        message = f"the request has more than {MAX_HEADERS} headers"
        raise HeadTooLarge(message)
    return length


def check_start(buffer: bytearray, offset: int) -> bool:
    """Return whether the request line is complete; raises a Refusal if it is not a request line that we serve."""
    if not offset and USUAL_LINE.match(buffer):
        return True
    newline = buffer.find(b"\n", offset)
    if newline < 0 and not TOKEN.match(buffer):
        raise Unreadable(BAD_REQUEST_LINE)
    if (newline if newline >= 0 else len(buffer)) > MAX_LINE_BYTES:
        raise TargetTooLong(TARGET_TOO_LONG)
    if newline >= 0:
        _check_line(bytes(buffer[:newline]))
    return newline >= 0


BAD_REQUEST_LINE = "the request must begin with a line such as GET /path HTTP/1.1, ended by CR and LF"
TARGET_TOO_LONG = f"the URL in the request line is longer than {MAX_TARGET_BYTES} bytes"


def _check_line(line: bytes) -> None:
    method, _, rest = line.partition(b" ")
    target, _, version = rest.partition(b" ")
    if version not in VERSIONS:
        raise VersionNotServed if OTHER_VERSION.fullmatch(version) else Unreadable(BAD_REQUEST_LINE)
    if len(target) > MAX_TARGET_BYTES:
        raise TargetTooLong(TARGET_TOO_LONG)
    if method not in METHODS:
        raise MethodNotServed if TOKEN.fullmatch(method) else Unreadable(BAD_REQUEST_LINE)
    if not target.startswith(TARGET_STARTS) and (method, target) != (b"OPTIONS", b"*"):
        message = "the URL in the request line must be a path"
        raise Unreadable(message)


def without_upgrade(head: bytes) -> bytes:
    """Return a head without its Upgrade header."""
    return UPGRADE.sub(b"", head)


def unique_headers(headers: list[tuple[bytes, bytes]], version: str) -> dict[bytes, bytes]:
    """Return the headers by name; raises a Refusal for headers that two parsers could interpret differently."""
    values = dict(headers)
    if b"host" not in values and version != "1.0":
        message = "the request has no Host header"
        raise Unreadable(message)
    if len(values) < len(headers):
        names = [name for name, _ in headers]
        for name in UNIQUE_HEADERS:
            if names.count(name) > 1:
                message = f"the request has more than one {name.decode()}"
                raise Unreadable(message)
    if len(values.get(b"content-length", b"")) > MAX_LENGTH_DIGITS:
        message = f"the Content-Length has more than {MAX_LENGTH_DIGITS} digits"
        raise Unreadable(message)
    if b"transfer-encoding" in values:
        if version == "1.0":
            message = "HTTP/1.0 has no Transfer-Encoding"
            raise Unreadable(message)
        if values[b"transfer-encoding"].lower() != b"chunked":
            message = "the only transfer coding is chunked"
            raise MethodNotServed(message)
    return values
