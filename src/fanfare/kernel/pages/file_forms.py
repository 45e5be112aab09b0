"""Forms with a file (multipart/form-data), of which the file is read in parts and never complete in memory."""

from collections.abc import AsyncGenerator, AsyncIterator

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from fanfare.kernel.data.uploads import Upload
from fanfare.kernel.errors import TooLarge, Unreadable
from fanfare.kernel.parameters import Raw, add
from fanfare.kernel.web.body import MAX_CONTENT_TYPE
from fanfare.kernel.web.request import PROGRESS, Request

# Bytes of the fields before the file, and of the headers of a part.
MAX_FIELDS, MAX_HEADER = 16 * 1024, 1024


class NoFileForm(Unreadable):
    """The form has no file"""


class _Parts:
    """What the parser has read: fields, then the content of the file, which is taken away as it comes."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: Raw = {}
        self.content = bytearray()
        self.is_file = self.has_ended = False
        self._header, self._name, self._value = bytearray(), "", bytearray()
        self._size = 0
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._note_header,
            "on_header_value": self._note_header,
            "on_header_end": self._end_header,
            "on_part_data": self._note_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }
        self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type] # a dict of some of its callbacks

    def write(self, piece: bytes) -> None:
        try:
            self._parser.write(piece)
        except (FormParserError, UnicodeDecodeError, ValueError):
            message = "the form cannot be parsed as multipart/form-data"
            raise Unreadable(message) from None

    def take(self) -> bytes:
        content = bytes(self.content)
        self.content.clear()
        return content

    def _begin(self) -> None:
        self._name, self._value = "", bytearray()

    def _note_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        if len(self._header) > MAX_HEADER:
            raise TooLarge

    def _end_header(self) -> None:
        # The name of the header stands before its value: `Content-Dispositionform-data; name="…"`.
        _, marker, options = bytes(self._header).partition(b"form-data")
        values = parse_options_header(b"form-data" + options)[1] if marker else {}
        self._name = values.get(b"name", b"").decode() or self._name
        self.is_file = self.is_file or b"filename" in values
        self._header.clear()

    def _note_data(self, data: bytes, start: int, end: int) -> None:
        if self.is_file:
            self.content += data[start:end]
            return
        self._size += end - start
        if self._size > MAX_FIELDS:
            raise TooLarge
        self._value += data[start:end]

    def _end_part(self) -> None:
        if not self.is_file:
            add(self.fields, self._name, self._value.decode())

    def _end(self) -> None:
        self.has_ended = True


async def file_form(request: Request) -> tuple[Raw, Upload]:
    """Return the fields that stand before the file of a form, and the file, which is the last of its parts.

    A form without a file has only the fields.
    """
    content_type = request.headers.get("content-type", "")
    boundary = parse_options_header(content_type[:MAX_CONTENT_TYPE])[1].get(b"boundary", b"")
    if not boundary or not content_type.startswith("multipart/form-data"):
        raise NoFileForm
    parts, body = _Parts(boundary), request.body()
    while not (parts.is_file or parts.has_ended):
        parts.write(await _next(body))
    return parts.fields, Upload(_content(parts, body), request.scope.get(PROGRESS))


async def _content(parts: _Parts, body: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    while True:
        if content := parts.take():
            yield content
        if parts.has_ended:
            return
        parts.write(await _next(body))


async def _next(body: AsyncIterator[bytes]) -> bytes:
    async for piece in body:
        return piece
    message = "the form is cut off: its closing boundary is missing"
    raise Unreadable(message)
