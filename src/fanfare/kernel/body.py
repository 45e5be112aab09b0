"""Bodies in: read whole within bounds of size and time, then taken apart by their content type."""

import asyncio
import io
from typing import Any

from falcon.asgi import Request
from python_multipart import parse_form
from python_multipart.exceptions import FormParserError

from fanfare.kernel.errors import TooLarge, TooSlow, Unreadable
from fanfare.kernel.parameters import MAX_FIELDS, Raw, from_json, from_query

MAX_BYTES = 1024 * 1024
MAX_SECONDS = 30


async def read_body(request: Request) -> bytes:
    """Return the whole body; refuse one of more than 1 MiB or that takes longer than 30 seconds."""
    length = request.content_length
    if length is None and "transfer-encoding" not in request.headers:
        return b""
    if length and length > MAX_BYTES:
        raise TooLarge(_too_large())
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(MAX_SECONDS):
            async for part in request.stream:
                size += len(part)
                if size > MAX_BYTES:
                    raise TooLarge(_too_large())
                parts.append(part)
    except TimeoutError:
        raise TooSlow from None
    return b"".join(parts)


def _too_large() -> str:
    return f"the body is larger than {MAX_BYTES} bytes"


def take_apart(body: bytes, content_type: str | None) -> Raw:
    """Return the parameters of a body. One without a content type is JSON when it looks like it, else a form."""
    if not body:
        return {}
    kind = (content_type or "").partition(";")[0].strip().lower()
    if not kind:
        kind = "application/json" if body.lstrip()[:1] in (b"{", b"[") else "application/x-www-form-urlencoded"
    if kind == "application/json" or kind.endswith("+json"):
        return from_json(body)
    if kind == "application/x-www-form-urlencoded":
        return from_query(body.strip())
    if kind == "multipart/form-data":
        return _from_multipart(body, content_type or "")
    message = "the content type must be application/json, application/x-www-form-urlencoded or multipart/form-data"
    raise Unreadable(message)


def _from_multipart(body: bytes, content_type: str) -> Raw:
    raw: Raw = {}

    def keep(name: bytes | None, value: bytes | None) -> None:
        if not name:
            return
        if len(raw) >= MAX_FIELDS and name.decode() not in raw:
            message = f"more than {MAX_FIELDS} parameters"
            raise TooLarge(message)
        raw.setdefault(name.decode(), []).append((value or b"").decode())

    def on_field(field: Any) -> None:  # noqa: ANN401 - the parser's own protocol type is not exported
        keep(field.field_name, field.value)

    def on_file(file: Any) -> None:  # noqa: ANN401 - as above
        file.file_object.seek(0)
        keep(file.field_name, file.file_object.read())

    headers = {"Content-Type": content_type.encode("latin-1", "replace")}
    try:
        parse_form(headers, io.BytesIO(body), on_field, on_file)
    except (FormParserError, UnicodeDecodeError, ValueError) as error:
        message = f"the form is not readable: {type(error).__name__}"
        raise Unreadable(message) from None
    return raw
