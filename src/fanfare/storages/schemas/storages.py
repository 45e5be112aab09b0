"""Shapes of storages."""

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.kernel.parameters import Params
from fanfare.kernel.running.http_client import MAX_URL_LENGTH, http_client
from fanfare.kernel.wire import Flag, Form, Text, TextForm, Uuid, storage_fault, text_of
from fanfare.storages.schemas.credentials import Credentials

MAX_PREFIX_BYTES = 500
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
# With a dot in it the certificate of the service is not that of the host; capitals and _ are no part of one.
HOST_BUCKET = re.compile(r"[a-z0-9-]+")
NO_HOST_BUCKET = re.compile(r"[A-Z_]")
REGION = re.compile(r"[A-Za-z0-9-]{1,40}")
ACCESS_KEY = re.compile(r"[!-+\--.0-~]{1,128}")
SECRET = re.compile(r"[!-~]{1,1024}")
DEFAULT_REGION = "us-east-1"
# Descriptions that creating and changing share.
NAME = "What to call it."
ENDPOINT = "URL of the service without a path, such as https://s3.eu-central-1.amazonaws.com."
REGION_TEXT = "Region that requests are signed for; us-east-1 where the service has none."
PREFIX = "Folder within the bucket: objects below it are read and written, no others."
ACCESS_KEY_ID = "Id of the access key."
SECRET_TEXT = "Secret of the access key; it is sealed and never shown again."  # noqa: S105 - a description
STYLE = (
    "true: the bucket is in the path of URLs, not in front of the host. Left out, false for AWS alone, and there"
    " only for names that a host can have."
)


class PatternForm(Form):
    """A word of visible characters with a form of its own."""

    def __init__(self, pattern: re.Pattern[str], message: str) -> None:
        """Refuse what does not match with a message."""
        self._pattern = pattern
        self._message = message

    def read(self, raw: object) -> str:
        """Return the word."""
        text = text_of(raw).strip()
        if not self._pattern.fullmatch(text):
            raise ValueError(self._message)
        return text

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema."""
        return {"type": "string", "pattern": f"^{self._pattern.pattern}$"}


class PrefixForm(Form):
    """A folder of a bucket: with a slash at its end, none at its begin; empty for all of the bucket."""

    nothing = frozenset[str]()

    def read(self, raw: object) -> str:
        """Return the prefix."""
        text = text_of(raw).strip().strip("/")
        if fault := storage_fault(text):
            raise ValueError(fault)
        if len(text.encode(errors="replace")) > MAX_PREFIX_BYTES:
            message = f"must have at most {MAX_PREFIX_BYTES} bytes"
            raise ValueError(message)
        if any(part in ("", ".", "..") for part in text.split("/")) and text:
            message = "must not have empty parts, nor . or .."
            raise ValueError(message)
        return f"{text}/" if text else ""

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema."""
        return {"type": "string", "maxLength": MAX_PREFIX_BYTES, "examples": ["exports/"]}


Endpoint = Annotated[str, TextForm(MAX_URL_LENGTH)]
Bucket = Annotated[str, PatternForm(BUCKET, "must be the name of a bucket: 3 to 63 letters, digits, - . or _")]
Region = Annotated[str, PatternForm(REGION, "must be a region such as eu-central-1")]
AccessKeyId = Annotated[str, PatternForm(ACCESS_KEY, "must be the id of an access key: up to 128 characters")]
Secret = Annotated[str, PatternForm(SECRET, "must be a secret of up to 1024 visible characters")]
Prefix = Annotated[str, PrefixForm()]


class Storage(msgspec.Struct):
    """A storage; its secret is never shown. Timestamps are unix seconds.

    test_failure says what its last test found, null when it worked.
    """

    storage_uid: uuid.UUID
    name: str
    endpoint: str
    region: str
    bucket: str
    prefix: str
    access_key_id: str
    is_path_style: bool
    test_timestamp: int | None
    test_failure: str | None
    creation_timestamp: int
    last_update_timestamp: int


class NewStorage(Params, kw_only=True):
    """A storage to create."""

    name: Annotated[Text, NAME]
    endpoint: Annotated[Endpoint, ENDPOINT]
    bucket: Annotated[Bucket, "Name of the bucket, which is there already."]
    access_key_id: Annotated[AccessKeyId, ACCESS_KEY_ID]
    secret: Annotated[Secret, SECRET_TEXT]
    region: Annotated[Region | None, REGION_TEXT] = None
    prefix: Annotated[Prefix | None, PREFIX] = None
    is_path_style: Annotated[Flag | None, STYLE] = None

    example: ClassVar[Mapping[str, object]] = {
        "name": "Warehouse",
        "endpoint": "https://s3.eu-central-1.amazonaws.com",
        "region": "eu-central-1",
        "bucket": "club-warehouse",
        "prefix": "fanfare",
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    }

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse an address that calls may not go to."""
        yield from endpoint_faults(values)
        endpoint, bucket = values.get("endpoint") or "", values.get("bucket") or ""
        yield from style_faults(endpoint, bucket, is_path_style=values.get("is_path_style"))


class StorageChanges(Params, kw_only=True):
    """Changes of a storage; a field that is left out stays as it is."""

    storage_uid: Annotated[Uuid, "Storage to change."]
    name: Annotated[Text | None, NAME] = None
    endpoint: Annotated[Endpoint | None, ENDPOINT] = None
    bucket: Annotated[Bucket | None, "Name of the bucket; what was written stays in the former one."] = None
    access_key_id: Annotated[AccessKeyId | None, ACCESS_KEY_ID] = None
    secret: Annotated[Secret | None, SECRET_TEXT] = None
    region: Annotated[Region | None, REGION_TEXT] = None
    prefix: Annotated[Prefix | None | UnsetType, f"{PREFIX} Empty: all of the bucket."] = UNSET
    is_path_style: Annotated[Flag | None, STYLE] = None

    example: ClassVar[Mapping[str, object]] = {"name": "Warehouse of 2026"}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse an address that calls may not go to."""
        yield from endpoint_faults(values)


def endpoint_faults(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the URL of a service."""
    if not (url := values.get("endpoint")):
        return
    if fault := http_client.url_fault(url):
        yield "endpoint", fault
    elif urlsplit(url).path.strip("/") or "?" in url:
        yield "endpoint", "must not have a path or a query; the bucket has a field of its own"


def plain_endpoint(url: str) -> str:
    """Return a URL without the port that it has anyway, as clients send it in Host, which is signed."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    is_usual = parts.port in (None, {"https": 443, "http": 80}[parts.scheme])
    return f"{parts.scheme}://{host}" if is_usual else f"{parts.scheme}://{host}:{parts.port}"


def style_faults(endpoint: str, bucket: str, *, is_path_style: bool | None) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a bucket that is to be in front of the host."""
    if is_path_style is not False:
        return
    if NO_HOST_BUCKET.search(bucket):
        yield "bucket", "must not have capitals or _ in front of the host; set is_path_style to true"
    elif "." in bucket and re.match("https:", endpoint, re.IGNORECASE):
        yield (
            "bucket",
            "must not have a dot in front of a host with a certificate; set is_path_style to true",
        )


def is_in_path(endpoint: str, bucket: str) -> bool:
    """Return whether a bucket is in the path of URLs if nobody says so."""
    return not is_of_aws(endpoint) or not HOST_BUCKET.fullmatch(bucket)


def is_of_aws(endpoint: str) -> bool:
    """Return whether a service is that of AWS, whose buckets are in front of the host."""
    return (urlsplit(endpoint).hostname or "").endswith(".amazonaws.com")


class OneStorage(Params):
    """Which storage."""

    storage_uid: Annotated[Uuid, "Storage by its uid."]


class StorageSaved(msgspec.Struct):
    """The storage that was saved."""

    storage_uid: uuid.UUID


class StorageTest(msgspec.Struct):
    """Whether an object could be written, read and deleted; failure says what could not, and why."""

    is_working: bool
    failure: str | None


class StorageTarget(msgspec.Struct, frozen=True):
    """A storage as it is called."""

    storage_id: int
    endpoint: str
    bucket: str
    key_prefix: str
    credentials: Credentials
    is_path_style: bool
