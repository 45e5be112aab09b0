"""How an answer is delivered: its form, a stream in its place, work to run when it has been sent.

kernel/web/delivery sends it.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable

from fanfare.kernel.data.db import Db

Work = Callable[[Db], Awaitable[object]]
JSON = "application/json"
LINES = "application/x-ndjson"
EVENTS = "text/event-stream"


class Delivery:
    """The delivery of one answer.

    It has its media type, whether it has a body (a HEAD has none), the `Last-Event-ID` of a client that continues a
    stream, and the work to run after it was sent.
    """

    __slots__ = ("db", "has_body", "last_event_id", "media_type", "parts", "work")

    def __init__(self, db: Db, *, has_body: bool, media_type: str = JSON, last_event_id: str = "") -> None:
        self.db = db
        self.has_body = has_body
        self.media_type = media_type
        self.last_event_id = last_event_id
        self.work: Work | None = None
        self.parts: AsyncGenerator[bytes, None] | None = None

    def then(self, work: Work) -> None:
        """Run this work in a transaction when the answer has been sent; never for a HEAD."""
        if self.has_body:
            self.work = work

    def stream(self, parts: AsyncGenerator[bytes, None]) -> None:
        """Send these parts instead of a body, until they end or the client disconnects."""
        self.parts = parts
