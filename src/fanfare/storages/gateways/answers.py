"""Reads the XML that S3-compatible services answer with."""

import asyncio
import re
from datetime import datetime
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET
from xml.parsers import expat

import msgspec

from fanfare.kernel.wire import MAX_ID, storage_fault
from fanfare.storages.gateways.faults import StorageFault

# A listing has some ten elements for each of at most 1,000 objects.
MAX_ELEMENTS = 20_000
MAX_DEPTH = 8
PIECE_BYTES = 16 * 1024
UNREADABLE = "answers what cannot be read"
MAX_KEY_BYTES = 1024
MAX_ETAG = 255
VISIBLE = re.compile(r"[!-~]+")


class Listed(msgspec.Struct, frozen=True):
    """An object as it is listed."""

    object_key: str
    object_bytes: int
    etag: str
    changed_at: datetime | None


class Listing(msgspec.Struct, frozen=True):
    """Objects in the order of their keys, whether more follow, and the last key, also of what cannot be stored."""

    objects: list[Listed]
    has_more: bool
    last_key: str


def checked_etag(text: str) -> str:
    """Return an ETag; StorageFault for what is none."""
    if not VISIBLE.fullmatch(text) or len(text) > MAX_ETAG:
        raise StorageFault(UNREADABLE)
    return text


class _Structure:
    """Builds the element of an answer from what a parser finds; names lose their namespace."""

    def __init__(self) -> None:
        self._builder = ET.TreeBuilder()
        self._depth = 0
        self._count = 0

    def parser(self) -> expat.XMLParserType:
        """Return a parser that reads UTF-8, whatever an answer says of itself."""
        parser = expat.ParserCreate("utf-8", "}")
        parser.buffer_text = True
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._builder.data
        parser.StartDoctypeDeclHandler = _refuse_declaration
        return parser

    def root(self) -> ET.Element:
        """Return the element, once all is read."""
        return self._builder.close()

    def _begin(self, name: str, _: object) -> None:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise StorageFault(UNREADABLE)
        self._builder.start(name.rpartition("}")[2], {})

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._builder.end(name.rpartition("}")[2])


def _refuse_declaration(*_: object) -> None:
    # Entities can become gigabytes; no answer of a storage declares any.
    raise StorageFault(UNREADABLE)


async def root_of(body: bytes) -> ET.Element:
    """Return the element of an answer, whose names have no namespace; StorageFault for what is no XML of a storage.

    The event loop goes on between pieces of it.
    """
    structure = _Structure()
    parser = structure.parser()
    try:
        for start in range(0, len(body), PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            # A tag so long would be read at once, however many pieces it has.
            if b"\0" in piece or (len(piece) == PIECE_BYTES and b"<" not in piece):
                raise StorageFault(UNREADABLE)
            parser.Parse(piece, False)  # noqa: FBT003 - the parser takes no names
            await asyncio.sleep(0)
        parser.Parse(b"", True)  # noqa: FBT003 - the same
    except (expat.ExpatError, ValueError):
        raise StorageFault(UNREADABLE) from None
    return structure.root()


async def upload_key_of(body: bytes) -> str:
    """Return the key of an upload in parts that was begun."""
    key = (await root_of(body)).findtext("UploadId") or ""
    if not VISIBLE.fullmatch(key) or len(key) > MAX_KEY_BYTES:
        raise StorageFault(UNREADABLE)
    return key


async def listing_of(body: bytes, limit: int) -> Listing:
    """Return the objects of a listing, at most `limit`, without those whose keys cannot be stored."""
    root = await root_of(body)
    is_encoded = root.findtext("EncodingType") == "url"
    rows = root.findall("Contents")
    has_more = root.findtext("IsTruncated") == "true" or len(rows) > limit
    listed = [_listed(each, _key(each, is_encoded=is_encoded)) for each in rows[:limit]]
    last_key = _key(rows[:limit][-1], is_encoded=is_encoded)[:MAX_KEY_BYTES] if rows else ""
    return Listing([each for each in listed if each is not None], has_more, last_key)


def _key(row: ET.Element, *, is_encoded: bool) -> str:
    key = row.findtext("Key") or ""
    return unquote_plus(key) if is_encoded else key


def _listed(row: ET.Element, key: str) -> Listed | None:
    if not key or len(key.encode(errors="replace")) > MAX_KEY_BYTES or storage_fault(key):
        return None
    try:
        size = min(int(row.findtext("Size") or "0"), MAX_ID)
    except ValueError:
        raise StorageFault(UNREADABLE) from None
    return Listed(key, size, (row.findtext("ETag") or "")[:MAX_ETAG], _moment(row.findtext("LastModified") or ""))


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
