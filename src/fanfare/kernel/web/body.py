"""Request bodies: read completely within size limits, then parsed by content type."""

from typing import Any

from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from fanfare.kernel.data.uploads import Upload
from fanfare.kernel.errors import TooLarge, Unreadable, UnsupportedEncoding, UnsupportedMediaType
from fanfare.kernel.parameters import Raw, add, check_count, from_json, from_query
from fanfare.kernel.web.request import PROGRESS, Request
from fanfare.kernel.wire import BYTE_ORDER_MARK

MAX_BYTES = 1024 * 1024
# The limit while no key is known: such a body may contain it, but its owner is not known before it is read.
MAX_KEYLESS_BYTES = 256 * 1024
# A boundary has at most 70 characters, and the parser's time is quadratic in the parameters after it.
MAX_CONTENT_TYPE = 500


async def read_body(request: Request, limit: int = MAX_BYTES) -> bytes:
    """Return the complete body; raises a Refusal if it is compressed or too large.

    The connection (`fanfare.kernel.web.server.protocol`) handles bodies that are too slow or truncated.
    """
    length = request.content_length
    if length is None and "transfer-encoding" not in request.headers:
        return b""
    _check_encoding(request)
    if length and length > limit:
        raise TooLarge(_too_large(limit))
    parts: list[bytes] = []
    size = 0
    async for part in request.body():
        size += len(part)
        if size > limit:
            raise TooLarge(_too_large(limit))
        parts.append(part)
    return b"".join(parts)


def upload_of(request: Request) -> Upload:
    """Return the body as a file that is read in parts, each within the time that the connection allows for a body."""
    _check_encoding(request)
    return Upload(request.body(), request.scope.get(PROGRESS))


def _check_encoding(request: Request) -> None:
    if request.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        raise UnsupportedEncoding


def _too_large(limit: int) -> str:
    if limit == MAX_KEYLESS_BYTES:
        return f"a body of more than {limit} bytes needs its key in the header Api-Key or in the query"
    return f"the body is larger than {limit} bytes"


def parse_body(body: bytes, content_type: str | None) -> Raw:
    """Return the parameters of a body. Without a content type it is JSON if it looks like JSON, else a form."""
    if not body:
        return {}
    if len(content_type or "") > MAX_CONTENT_TYPE:
        message = "the content type is too long"
        raise Unreadable(message)
    kind = (content_type or "").partition(";")[0].strip().lower()
    if not kind:
        is_json = body.removeprefix(BYTE_ORDER_MARK).lstrip()[:1] in (b"{", b"[")
        kind = "application/json" if is_json else "application/x-www-form-urlencoded"
    if kind == "application/json" or kind.endswith("+json"):
        return from_json(body)
    if kind == "application/x-www-form-urlencoded":
        return from_query(body.strip())
    if kind == "multipart/form-data":
        return _from_multipart(body, content_type or "")
    message = "the content type must be application/json, application/x-www-form-urlencoded or multipart/form-data"
    raise UnsupportedMediaType(message)


def _from_multipart(body: bytes, content_type: str) -> Raw:
    raw: Raw = {}
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not boundary:
        message = "the content type multipart/form-data names no boundary"
        raise Unreadable(message)
    check_count(body.count(b"\r\n--" + boundary))

    def add_field(name: bytes | None, value: bytes | None) -> None:
        if name:
            add(raw, name.decode(), (value or b"").decode())

    def on_field(field: Any) -> None:  # noqa: ANN401 - the parser's own protocol type is not exported
        add_field(field.field_name, field.value)

    def on_file(file: Any) -> None:  # noqa: ANN401 - as above
        file.file_object.seek(0)
        add_field(file.field_name, file.file_object.read())

    ends: list[bool] = []
    parser = FormParser("multipart/form-data", on_field, on_file, lambda: ends.append(True), boundary)
    try:
        parser.write(body)
    except UnicodeDecodeError:
        message = "the form is not valid UTF-8"
        raise Unreadable(message) from None
    except (FormParserError, ValueError):
        message = "the form cannot be parsed as multipart/form-data"
        raise Unreadable(message) from None
    if not ends:
        # The parser drops a field that is not followed by a boundary.
        message = "the form is cut off: its closing boundary is missing"
        raise Unreadable(message)
    return raw
