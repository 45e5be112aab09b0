"""HTTP/1.1 on a connection: uvicorn's protocol with size limits and timeouts around its parser.

An invalid request is answered with problem+json here, unless the application can still do so.
"""

import asyncio
import http
import socket
from contextlib import suppress
from enum import Enum, auto
from typing import Any, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fanfare.kernel.errors import Refusal, TooSlow, Unavailable, Unreadable
from fanfare.kernel.running import metrics
from fanfare.kernel.running.stopping import stopping_of
from fanfare.kernel.web.request import PROGRESS, RESPOND
from fanfare.kernel.web.server import heads
from fanfare.kernel.web.server.connections import NEVER, HttpConnections
from fanfare.kernel.web.server.cycle import CUT_OFF, PIECE, Cycle, problem
from fanfare.kernel.web.server.reader import Reader

# How long a refused client may continue to send: closing at once would discard the response.
LINGER_SECONDS = 2.0
# The rest of a body that is read and discarded so that the connection can be reused.
MAX_DISCARDED_BYTES = 64 * 1024
# Bytes of pipelined requests, beyond which reading pauses until the current one is answered.
MAX_AHEAD_BYTES = 64 * 1024
# Pieces of one connection that are parsed before other connections get a turn.
MAX_PIECES_PER_TURN = 256


# Supported by Linux and macOS.
UNSENT_OPTION = socket.TCP_NOTSENT_LOWAT


class Phase(Enum):
    """What a connection waits for."""

    # the first byte of a request, after a response
    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    # nothing: further input is discarded
    CLOSE = auto()


def _limit_send_buffer(transport: Any) -> None:  # noqa: ANN401 - uvicorn's type of it
    """Limit the kernel's send buffer: it would accept megabytes of a response that are counted nowhere."""
    with suppress(OSError):
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, UNSENT_OPTION, PIECE)


class Connection(HttpToolsProtocol):
    """A connection; it also serves as the transport of the cycle that answers a request."""

    def __init__(self, connections: HttpConnections, **options: Any) -> None:  # noqa: ANN401 - whatever uvicorn gives
        super().__init__(**options)
        self.http_connections = connections
        self.reader = Reader()
        self.phase = Phase.HEAD
        self.deadline = self.write_deadline = NEVER
        self.buffered = self.received = 0
        self.is_complete = self.is_corked = self.has_eof = self.keep_alive = False
        self.pending = b""

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - uvicorn's signature
        """Register the connection and wait for a head."""
        super().connection_made(transport)
        _limit_send_buffer(transport)
        has_room = self.http_connections.add(self, self.client[0] if self.client else None)
        self._enter(Phase.HEAD, self.http_connections.times.head)
        self.http_connections.mark_idle(self)
        if not has_room:
            self._refuse(Unavailable("there are too many connections"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Release everything."""
        self.phase = Phase.CLOSE
        self.reader.expect_nothing()
        self.http_connections.remove(self)
        super().connection_lost(exc)
        if getattr(self.cycle, "response_complete", False):
            # A reference cycle: both would stay until a garbage collection, which blocks the process.
            self.cycle = None  # type: ignore[assignment] # as before the first request

    def data_received(self, data: bytes) -> None:
        """Buffer and process input."""
        if self.phase is not Phase.CLOSE:
            self.reader.buffer += data
            self._process_buffer()

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn narrows asyncio's signature
        """Answer the requests that are complete, then close."""
        self.has_eof = True
        if self.phase is Phase.CLOSE:
            return False
        self._process_buffer()
        return not self.transport.is_closing()

    def shutdown(self) -> None:
        """Close after the current response, or at once if there is none; an incomplete request is refused."""
        stopping_of(self.loop).set()
        self.keep_alive = False
        if self.phase is Phase.BODY:
            self._refuse(Unavailable("the server is stopping"))
        super().shutdown()

    def pause_writing(self) -> None:
        """Start the timeout for sending the complete response."""
        super().pause_writing()
        self.write_deadline = min(self.write_deadline, self.loop.time() + self.http_connections.times.answer)
        unsent = self.cycle.unsent if isinstance(self.cycle, Cycle) else 0
        self.http_connections.set_unsent(self, self.transport.get_write_buffer_size() + unsent)

    def resume_writing(self) -> None:
        """Stop the timeout if the response is complete."""
        super().resume_writing()
        self.http_connections.set_unsent(self, 0)
        if getattr(self.cycle, "response_complete", True):
            self.write_deadline = NEVER

    def expire(self) -> None:
        """Close the connection if it timed out; send a response if there is a request to answer."""
        now = self.loop.time()
        if self.write_deadline <= now or (self.phase is Phase.CLOSE and self.deadline <= now):
            self._abort("answer not read")
        elif self.deadline > now:
            return
        elif self.phase is Phase.BODY:
            self._refuse(TooSlow(f"the body did not arrive within {self.http_connections.times.body:g} seconds"))
        elif self.reader.buffer:
            self._refuse(TooSlow(f"the headers did not arrive within {self.http_connections.times.head:g} seconds"))
        else:
            self._abort("idle")

    def note_progress(self) -> None:
        """Restart the timeout of a body that is read or sent in parts; what was read no longer counts as buffered."""
        self.write_deadline = NEVER
        if self.phase is Phase.BODY:
            self.received = 0
            self._enter(Phase.BODY, self.http_connections.times.body)
            self._update_buffered()

    def evict(self) -> None:
        """Drop the buffer of an incomplete request; called for the oldest ones if there are too many."""
        if self.phase is Phase.BODY:
            self._refuse(Unavailable("too many requests are arriving"))
        elif self.phase is Phase.ANSWER:
            self.cycle.keep_alive = False
            self.reader.drop()
        else:
            self._abort("gave way")

    def drop_response(self) -> None:
        """Close: there are too many unread responses."""
        self._abort("answer not read")

    # Callbacks of the parser. It is fed a complete head, then the rest of the same request.

    def on_message_begin(self) -> None:
        """Start a request."""
        super().on_message_begin()
        self.is_complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Store what the parser does not keep."""
        self.keep_alive = self.parser.should_keep_alive()

    def on_message_complete(self) -> None:
        """Mark the request as complete."""
        self.is_complete = True

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the end of this one."""
        self.server_state.total_requests += 1
        self._flush()
        if not self.flow.write_paused:
            self.write_deadline = NEVER
        if self.is_complete and self.phase is not Phase.CLOSE and not self.transport.is_closing():
            self._await_request()

    # The transport methods that the cycle calls.

    def write(self, data: bytes) -> None:
        """Write data; the head of a response is sent together with what follows."""
        if self.is_corked and self.cycle.response_started and not self.cycle.response_complete:
            self.is_corked = False
            self.pending = data
            return
        self.transport.write(self.pending + data)
        self.pending = b""

    def is_closing(self) -> bool:
        """Return whether nothing more can be written."""
        return self.transport.is_closing()

    def close(self) -> None:
        """Close after sending what was written."""
        self._flush()
        self._close(is_sending=bool(self.reader.buffer) or not self.is_complete)

    # Processing.

    def _process_buffer(self) -> None:
        if self.phase is Phase.IDLE and self.reader.buffer:
            self._enter(Phase.HEAD, self.http_connections.times.head)
        try:
            for _ in range(MAX_PIECES_PER_TURN):
                piece = self.reader.next_piece()
                if not piece:
                    break
                self._feed(piece)
                if not self.reader.buffer:
                    break
            else:
                self.flow.pause_reading()
                self.loop.call_soon(self._resume)
                return
            if self.has_eof:
                self._handle_eof()
        except Refusal as refusal:
            self._refuse(refusal)
        self._update_buffered()

    def _resume(self) -> None:
        self.flow.resume_reading()
        self._process_buffer()

    def _feed(self, piece: bytes) -> None:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            # An offer to upgrade is ignored; the parser would leave the body to the other protocol.
            self.parser = httptools.HttpRequestParser(self)
            self.parser.feed_data(heads.without_upgrade(piece))
        except httptools.HttpParserError as error:
            message = f"the request is not valid HTTP/1.1: {error}"
            raise Unreadable(message) from None
        if self.phase is Phase.HEAD:
            self._start_request()
        else:
            self._receive_body(len(piece))

    def _receive_body(self, received: int) -> None:
        cycle = self.cycle
        self.received += received
        if self.is_complete:
            cycle.more_body = cycle.waiting_for_100_continue = False
            cycle.message_event.set()
            self.phase, self.deadline = Phase.ANSWER, NEVER
        if not cycle.response_started and not cycle.waiting_for_100_continue:
            cycle.keep_alive = self.keep_alive and (self.is_complete or self.reader.is_near_end(MAX_DISCARDED_BYTES))
        if self.is_complete and cycle.response_complete:
            self._await_request()

    def _start_request(self) -> None:
        version = self.parser.get_http_version()
        values = heads.unique_headers(self.headers, version)
        self._fill_scope(version)
        self.keep_alive = self.keep_alive and version != "1.0"
        # A fresh list, so that trailers do not count as headers.
        self.headers = []
        self.http_connections.mark_active(self)
        self.cycle = cycle = Cycle(
            scope=self.scope,
            transport=self,  # type: ignore[arg-type] # the methods that a cycle uses
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=self.keep_alive,
            on_response=self.on_response_complete,
        )
        self.is_corked = True
        self.scope.update({RESPOND: cycle.respond, PROGRESS: self.note_progress})  # type: ignore[misc] # entries of ours
        if self.is_complete:
            cycle.more_body = False
            cycle.message_event.set()
            self.phase, self.deadline = Phase.ANSWER, NEVER
        else:
            self._await_body(values)
        self._start_asgi_task(cycle, self.app)

    def _await_body(self, values: dict[bytes, bytes]) -> None:
        self.received = 0
        self.reader.expect_body(None if b"transfer-encoding" in values else int(values[b"content-length"]))
        self.cycle.waiting_for_100_continue = values.get(b"expect", b"").lower() == b"100-continue"
        # Until enough of the body has arrived that discarding the rest is cheaper than a new connection.
        self.cycle.keep_alive = False
        self._receive_body(0)
        self._enter(Phase.BODY, self.http_connections.times.body)

    def _fill_scope(self, version: str) -> None:
        try:
            target = httptools.parse_url(self.url)
            raw_path = target.path or b"/"
            path = raw_path.decode("ascii")
        except (httptools.HttpParserInvalidURLError, UnicodeDecodeError):
            message = "the URL in the request line cannot be parsed"
            raise Unreadable(message) from None
        self.scope["http_version"] = version
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["path"] = unquote(path) if "%" in path else path
        self.scope["raw_path"] = raw_path
        self.scope["query_string"] = target.query or b""

    def _await_request(self) -> None:
        self._enter(Phase.IDLE, self.http_connections.times.idle)
        self.http_connections.mark_idle(self)
        self.reader.expect_head()
        self.flow.resume_reading()
        if self.reader.buffer or self.has_eof:
            self._process_buffer()

    def _enter(self, phase: Phase, seconds: float) -> None:
        self.phase = phase
        self.deadline = self.loop.time() + seconds

    def _handle_eof(self) -> None:
        if self.phase is Phase.BODY:
            raise Unreadable(CUT_OFF)
        if self.reader.buffer and self.phase is Phase.HEAD:
            message = "the request ended before its headers were complete"
            raise Unreadable(message)
        if self.phase is not Phase.ANSWER:
            self.close()
        else:
            # Who streams a response waits for the end of the client.
            self.cycle.message_event.set()

    def _update_buffered(self) -> None:
        ahead = len(self.reader.buffer)
        if ahead > MAX_AHEAD_BYTES and self.phase is Phase.ANSWER:
            self.flow.pause_reading()
        buffered = ahead + self.received if self.phase is Phase.BODY else ahead
        if buffered != self.buffered:
            self.http_connections.set_buffered(self, buffered)

    def _refuse(self, refusal: Refusal) -> None:
        """Let the application send the refusal if there is one; a refusal of a head is sent from here."""
        is_answered = self.phase is Phase.BODY and self.cycle.response_complete
        if self.phase is Phase.CLOSE:
            return
        metrics.http_connection_ended(refusal.code())
        if self.phase is Phase.BODY and not is_answered:
            self.reader.drop()
            self._enter(Phase.ANSWER, NEVER)
            cast("Cycle", self.cycle).fail(refusal)
            return
        if not is_answered:
            headers, body = problem(refusal)
            lines = [name + b": " + value for name, value in [*self.server_state.default_headers, *headers]]
            phrase = http.HTTPStatus(refusal.status).phrase
            start = f"HTTP/1.1 {refusal.status} {phrase}".encode()
            self.transport.write(b"\r\n".join([start, *lines, b"", body]))
        self._close(is_sending=True)

    def _close(self, *, is_sending: bool) -> None:
        self.reader.drop()
        self.http_connections.set_buffered(self, 0)
        self.http_connections.mark_idle(self)
        is_written = not self.transport.get_write_buffer_size()
        self._enter(Phase.CLOSE, LINGER_SECONDS if is_written else self.http_connections.times.answer)
        if is_sending and not self.has_eof and not self.transport.is_closing():
            self.flow.resume_reading()
            self.transport.write_eof()
        else:
            self.transport.close()

    def drop(self) -> None:
        """Close at once, without a response."""
        self.phase = Phase.CLOSE
        self.http_connections.remove(self)
        self.transport.abort()

    def _abort(self, reason: str) -> None:
        metrics.http_connection_ended(reason)
        self.drop()

    def _flush(self) -> None:
        if self.pending:
            self.transport.write(self.pending)
            self.pending = b""
