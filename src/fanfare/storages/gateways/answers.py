"""Reads the XML that S3-compatible services answer with."""

import re
from datetime import datetime
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

import msgspec

from fanfare.kernel.wire import MAX_ID, storage_fault
from fanfare.storages.gateways.faults import StorageFault

# Entities can become gigabytes; no answer of a storage declares any.
DECLARATION = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
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
    """Objects in the order of their keys, and whether more follow."""

    objects: list[Listed]
    has_more: bool


def checked_etag(text: str) -> str:
    """Return an ETag; StorageFault for what is none."""
    if not VISIBLE.fullmatch(text) or len(text) > MAX_ETAG:
        raise StorageFault(UNREADABLE)
    return text


def root_of(body: bytes) -> ET.Element:
    """Return the element of an answer, whose names have no namespace; StorageFault for what is no XML."""
    if DECLARATION.search(body):
        raise StorageFault(UNREADABLE)
    try:
        root = ET.fromstring(body)  # noqa: S314 - without declarations nothing expands
    except (ET.ParseError, ValueError, LookupError):
        raise StorageFault(UNREADABLE) from None
    for each in root.iter():
        each.tag = each.tag.rpartition("}")[2]
    return root


def upload_key_of(body: bytes) -> str:
    """Return the key of an upload in parts that was begun."""
    key = root_of(body).findtext("UploadId") or ""
    if not VISIBLE.fullmatch(key) or len(key) > MAX_KEY_BYTES:
        raise StorageFault(UNREADABLE)
    return key


def listing_of(body: bytes, limit: int) -> Listing:
    """Return the objects of a listing, at most `limit`, without those whose keys cannot be stored."""
    root = root_of(body)
    is_encoded = root.findtext("EncodingType") == "url"
    rows = root.findall("Contents")
    has_more = root.findtext("IsTruncated") == "true" or len(rows) > limit
    listed = [_listed(each, is_encoded=is_encoded) for each in rows[:limit]]
    return Listing([each for each in listed if each is not None], has_more)


def _listed(row: ET.Element, *, is_encoded: bool) -> Listed | None:
    key = row.findtext("Key") or ""
    key = unquote_plus(key) if is_encoded else key
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
