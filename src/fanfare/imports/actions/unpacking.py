"""Unpacks files that were compressed by gzip: what comes out is counted while it does, so a bomb ends at the limit."""

import zlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from fanfare.imports.actions.files import source_uid
from fanfare.imports.readers.encodings import is_utf8
from fanfare.imports.readers.rows import GZIP, UnreadableFileError
from fanfare.imports.schemas.imports import CurrentImport
from fanfare.kernel.data import files
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.files import PART_BYTES
from fanfare.kernel.running.threads import run_in_thread

READ_BYTES = 4 * 1024 * 1024
SLICE_BYTES = 16 * 1024
# Programs that compress in parallel write a member for each 64 KiB or more.
MAX_MEMBERS = 200_000
# A header and a trailer of gzip around the data.
WINDOW_BITS = 16 + zlib.MAX_WBITS
DAMAGED = "is damaged: it cannot be unpacked; compress and upload it again"
TOO_MANY = f"has more than {MAX_MEMBERS:,} parts that were compressed one by one; compress it as a whole"
TOO_LONG = "is too long when it is unpacked, or the account's imports have no room for it; split it"


class Unpacked(NamedTuple):
    """How many bytes a file has, and whether they are UTF-8."""

    size: int
    is_utf8: bool


async def unpack(db: Db, account_id: int, current: CurrentImport, room: int) -> Unpacked:
    """Store what the compressed file of an import contains, at most `room` bytes, as its rows.

    Part of the caller's transaction. Raises UnreadableFileError for more, and for a damaged file.
    """
    await files.delete_file(db, account_id, current.import_uid)
    size, is_text = 0, True
    async for part in _parts(db, account_id, current):
        if size + len(part) > room:
            raise UnreadableFileError(TOO_LONG)
        await files.append(db, account_id, current.import_uid, size, part)
        size += len(part)
        is_text = is_text and is_utf8(part)
    return Unpacked(size, is_text)


async def _parts(db: Db, account_id: int, current: CurrentImport) -> AsyncIterator[bytes]:
    """Yield the unpacked file in parts."""
    stream, offset = _Stream(), 0
    while data := await files.read_from(db, account_id, source_uid(current.import_uid), offset, READ_BYTES):
        offset += len(data)
        stream.feed(data)
        while part := await run_in_thread(stream.next_part):
            yield part
    if not stream.is_complete:
        raise UnreadableFileError(DAMAGED)


class _Stream:
    """One or more members of gzip, one behind the other."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(WINDOW_BITS)
        self._member_count = 1
        self._data, self._place = b"", 0
        # What is read next: a slice, since what a member leaves of it is copied each time.
        self._rest = b""

    @property
    def is_complete(self) -> bool:
        """Whether the last member has ended, and nothing but padding follows it."""
        return self._member.eof and not self._rest.strip(b"\0")

    def feed(self, data: bytes) -> None:
        """Add bytes behind those that were read, all of which next_part has taken."""
        self._data, self._place = data, 0

    def next_part(self) -> bytes:
        """Return at most PART_BYTES of what is unpacked, less only when more has to be fed."""
        parts: list[bytes] = []
        room = PART_BYTES
        try:
            while room and self._has_input():
                part = self._member.decompress(self._rest, room)
                self._rest = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
                parts.append(part)
                room -= len(part)
            if room and not self._member.eof:
                parts.append(self._member.decompress(b"", room))
        except zlib.error:
            raise UnreadableFileError(DAMAGED) from None
        return b"".join(parts)

    def _has_input(self) -> bool:
        """Return whether there is more for a member, the next one if one has ended; zeros between them are padding."""
        is_over = self._member.eof
        while True:
            if is_over:
                self._rest = self._rest.lstrip(b"\0")
            if len(self._rest) >= (len(GZIP) if is_over else 1):
                break
            following = self._data[self._place : self._place + SLICE_BYTES]
            if not following:
                return False
            self._place += len(following)
            self._rest += following
        if is_over:
            self._member_count += 1
            if self._member_count > MAX_MEMBERS:
                raise UnreadableFileError(TOO_MANY)
            self._member = zlib.decompressobj(WINDOW_BITS)
        return True
