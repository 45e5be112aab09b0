"""Splits the input of a connection into what the parser may see: a complete head, pieces of a body, complete trailers.

The parser concatenates a header that comes in pieces again at each piece, and has no size limits. So a head is buffered
here until it is complete or too large, and the next request until the current one is answered.
"""

import re
from collections.abc import Callable

from fanfare.kernel.errors import HeadTooLarge, Unreadable
from fanfare.kernel.web.server import heads

MAX_CHUNK_LINE = 1024
# A chunk's size, before its extensions. Eight digits exceed any body that is accepted.
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*[;\r]")
CRLF = b"\r\n"
# Bytes of empty lines that are skipped before a request.
MAX_EMPTY = 16


class Reader:
    """The buffered input, and the part of a request that comes next in it."""

    __slots__ = (
        "_body",
        "_has_line",
        "_head",
        "_lines",
        "_overhead",
        "_remaining",
        "_scanned",
        "_skipped",
        "_step",
        "buffer",
    )

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.expect_head()

    def expect_head(self) -> None:
        """Expect the head of a request next."""
        self._step: Callable[[], bytes] = self._cut_head
        self._scanned = self._skipped = 0
        self._has_line = False

    def expect_body(self, length: int | None) -> None:
        """Expect a body of the given length next, or a chunked one (None)."""
        self._overhead = self._body = 0
        self._remaining = length or 0
        self._step = self._cut_chunk if length is None else self._cut_length

    def expect_nothing(self) -> None:
        """Only buffer what arrives."""
        self._step = bytes

    def drop(self) -> None:
        """Discard the buffer."""
        self.buffer = bytearray()
        self.expect_nothing()

    def is_near_end(self, limit: int) -> bool:
        """Return whether a body of known length lacks at most `limit` bytes."""
        return self._step == self._cut_length and self._remaining <= limit

    def next_piece(self) -> bytes:
        """Return the next piece, empty if there is none yet. Raises a `Refusal` if it is too large or not HTTP."""
        return self._step() if self.buffer else b""

    def _cut_head(self) -> bytes:
        if self.buffer[0] in CRLF and not self._has_line:
            self._skip_empty_lines()
            if not self.buffer:
                return b""
        if not self._has_line:
            self._has_line = heads.check_start(self.buffer, self._scanned)
        length = heads.head_length(self.buffer, self._scanned)
        self._scanned = len(self.buffer)
        if not length:
            return b""
        head = self._take(length)
        self._head, self._lines = length, head.count(b"\n")
        self.expect_nothing()
        return head

    def _skip_empty_lines(self) -> None:
        """Skip the empty lines that old clients send after a body."""
        size = len(self.buffer)
        self.buffer = self.buffer.lstrip(CRLF)
        self._skipped += size - len(self.buffer)
        if self._skipped > MAX_EMPTY:
            raise Unreadable(heads.BAD_REQUEST_LINE)

    def _cut_length(self) -> bytes:
        piece = self._take(min(self._remaining, len(self.buffer)))
        self._remaining -= len(piece)
        if not self._remaining:
            self.expect_nothing()
        return piece

    def _cut_chunk(self) -> bytes:
        end = self.buffer.find(CRLF, 0, MAX_CHUNK_LINE)
        if end < 0:
            if len(self.buffer) >= MAX_CHUNK_LINE:
                message = f"a chunk's first line is longer than {MAX_CHUNK_LINE} bytes"
                raise HeadTooLarge(message)
            return b""
        size = CHUNK_SIZE.match(self.buffer)
        if size is None:
            message = "a chunk must begin with its size in hexadecimal digits"
            raise Unreadable(message)
        return self._cut_data(end + len(CRLF), int(size[1], 16))

    def _cut_data(self, line: int, size: int) -> bytes:
        """Return the chunk with its first line, as far as it has arrived."""
        if not size:
            self._scanned = 0
            self._step = self._cut_trailers
            return self._take(line)
        self._body += size
        self._overhead += line + len(CRLF)
        if self._overhead - self._body > heads.MAX_BYTES:
            message = "the chunked body is mostly chunk sizes and extensions"
            raise HeadTooLarge(message)
        self._remaining = line + size + len(CRLF)
        self._step = self._cut_rest
        return self._cut_rest()

    def _cut_rest(self) -> bytes:
        piece = self._take(min(self._remaining, len(self.buffer)))
        self._remaining -= len(piece)
        if not self._remaining:
            self._step = self._cut_chunk
        return piece

    def _cut_trailers(self) -> bytes:
        if self.buffer.startswith(CRLF):
            self.expect_nothing()
            return self._take(len(CRLF))
        length = heads.head_length(self.buffer, self._scanned, self._head, self._lines)
        self._scanned = len(self.buffer)
        if length:
            self.expect_nothing()
        return self._take(length)

    def _take(self, count: int) -> bytes:
        if count == len(self.buffer):
            piece = bytes(self.buffer)
            self.buffer.clear()
        else:
            piece = bytes(self.buffer[:count])
            del self.buffer[:count]
        return piece
