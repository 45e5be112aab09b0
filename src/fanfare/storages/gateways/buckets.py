"""Objects of a bucket: written whole or in parts, read piece by piece, listed, deleted."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec

from fanfare.kernel.clock import system_clock
from fanfare.kernel.running.http_client import CallError, HttpAnswer, HttpRequest, http_client
from fanfare.kernel.running.threads import run_in_thread
from fanfare.storages.gateways.answers import Listing, checked_etag, listing_of, upload_key_of
from fanfare.storages.gateways.faults import ObjectChanged, StorageFault, StorageRefused, fault_of_answer, fault_of_call
from fanfare.storages.gateways.signing import encoded, query_of, signed_headers
from fanfare.storages.schemas.credentials import Credentials

# For a call, and for one that carries a part of an object.
SECONDS = 20.0
PART_SECONDS = 120.0
MAX_ANSWER_BYTES = 64 * 1024
# Of a listing: keys have up to a kilobyte, and three times that when they are encoded.
MAX_LISTING_BYTES = 4 * 1024 * 1024
# Signing hashes the content; more than this is done in a thread.
SHORT_BYTES = 256 * 1024
NOTHING: Mapping[str, str] = {}
Send = Callable[[HttpRequest], Awaitable[HttpAnswer]]


class Place(msgspec.Struct, frozen=True):
    """A bucket, and where it is."""

    endpoint: str
    bucket: str
    credentials: Credentials
    is_path_style: bool

    def url(self, object_key: str, query: Mapping[str, str] = NOTHING) -> str:
        """Return the URL of an object, or of the bucket without a key."""
        parts = urlsplit(self.endpoint)
        host, path = (parts.netloc, f"/{self.bucket}") if self.is_path_style else (f"{self.bucket}.{parts.netloc}", "")
        path += f"/{encoded(object_key, '/')}" if object_key or not path else ""
        return f"{parts.scheme}://{host}{path}{'?' if query else ''}{query_of(query)}"


class Head(msgspec.Struct, frozen=True):
    """The length of an object, and which of its contents it is; sha256 is empty if nobody wrote it beside it."""

    object_bytes: int
    etag: str
    sha256: str


class Bucket:
    """The objects of a bucket."""

    def __init__(self, place: Place, send: Send) -> None:
        """`send` makes a call."""
        self._place = place
        self._send = send

    async def put(self, object_key: str, content: bytes, headers: Mapping[str, str] = NOTHING) -> None:
        """Write an object; StorageFault."""
        await self._call("PUT", object_key, headers=headers, content=content)

    async def begin_upload(self, object_key: str, headers: Mapping[str, str]) -> str:
        """Begin to write an object in parts, and return the key of the upload; StorageFault."""
        answer = await self._call("POST", object_key, {"uploads": ""}, headers=headers)
        return await upload_key_of(answer.body)

    async def put_part(self, object_key: str, upload_key: str, number: int, content: bytes) -> str:
        """Write a part, from 1, and return its ETag; StorageFault."""
        query = {"partNumber": str(number), "uploadId": upload_key}
        answer = await self._call("PUT", object_key, query, content=content)
        return checked_etag(answer.headers.get("etag", ""))

    async def complete_upload(self, object_key: str, upload_key: str, etags: Sequence[str]) -> None:
        """Put the parts together; StorageFault, also when the service says so behind a status of success."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{_escaped(etag)}</ETag></Part>"
            for number, etag in enumerate(etags, 1)
        )
        content = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        answer = await self._call(
            "POST", object_key, {"uploadId": upload_key}, headers={"content-type": "application/xml"}, content=content
        )
        if b"<CompleteMultipartUploadResult" not in answer.body:
            raise fault_of_answer(HttpAnswer(HTTPStatus.INTERNAL_SERVER_ERROR, answer.headers, answer.body))

    async def abort_upload(self, object_key: str, upload_key: str) -> None:
        """Delete the parts of an upload; one that is not there is none. StorageFault."""
        try:
            await self._call("DELETE", object_key, {"uploadId": upload_key})
        except StorageRefused as fault:
            if fault.code not in ("NoSuchUpload", "NoSuchKey"):
                raise

    async def head(self, object_key: str) -> Head:
        """Return the length and the ETag of an object; StorageFault."""
        answer = await self._call("HEAD", object_key)
        size = answer.headers.get("content-length", "")
        if not size.isdecimal() or len(size) > len(str(2**62)):
            message = "does not say how long the object is"
            raise StorageFault(message)
        etag, digest = answer.headers.get("etag", ""), answer.headers.get("x-amz-meta-sha256", "")
        return Head(int(size), checked_etag(etag), digest)

    async def read(self, object_key: str, offset: int, size: int, etag: str) -> bytes:
        """Return a piece of an object that has `size` bytes from an offset on; ObjectChanged, StorageFault."""
        headers = {"range": f"bytes={offset}-{offset + size - 1}", "if-match": etag}
        answer = await self._call("GET", object_key, headers=headers, max_bytes=size + 1)
        if answer.headers.get("etag") != etag:
            message = "has another object under this key than when reading began"
            raise ObjectChanged(message)
        is_piece = answer.status == HTTPStatus.PARTIAL_CONTENT or offset == 0
        if not is_piece or len(answer.body) != size:
            message = "answers with another piece of the object than it was asked for"
            raise StorageFault(message)
        return answer.body

    async def delete(self, object_key: str) -> None:
        """Delete an object; StorageFault."""
        await self._call("DELETE", object_key)

    async def listing(self, prefix: str, last_key: str, limit: int) -> Listing:
        """Return objects in the order of their keys, behind the last key of an earlier page; StorageFault."""
        query = {"list-type": "2", "encoding-type": "url", "max-keys": str(limit), "prefix": prefix}
        if last_key:
            query["start-after"] = last_key
        answer = await self._call("GET", "", query, max_bytes=MAX_LISTING_BYTES)
        return await listing_of(answer.body, limit)

    async def _call(
        self,
        method: str,
        object_key: str,
        query: Mapping[str, str] = NOTHING,
        *,
        headers: Mapping[str, str] = NOTHING,
        content: bytes = b"",
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> HttpAnswer:
        """Make a call and return an answer of success."""
        url, signer = self._place.url(object_key, query), (self._place.credentials, system_clock())
        if len(content) > SHORT_BYTES:
            headers = await run_in_thread(lambda: signed_headers(method, url, headers, content, signer))
        else:
            headers = signed_headers(method, url, headers, content, signer)
        seconds = PART_SECONDS if max(len(content), max_bytes) > SHORT_BYTES else SECONDS
        try:
            answer = await self._send(HttpRequest(method, url, headers, content, seconds, max_bytes))
        except CallError as error:
            raise fault_of_call(error) from None
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise fault_of_answer(answer)
        return answer


def bucket_of(place: Place, account_id: int) -> Bucket:
    """Return a bucket for a few calls, each in a turn of the account; they raise Busy when it has all its calls."""
    return Bucket(place, lambda request: http_client.send(request, account_id))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
