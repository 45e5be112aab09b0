"""Reads the change feed: a page, a page that waits for changes, or a stream of them."""

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from fanfare.kernel.data.changes import Change, ChangePage, extent, feed_of_topics, newest_position
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.delivery import EVENTS, Delivery
from fanfare.kernel.data.paging import ArrayPage, NextPage
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.running.loop_turns import turns
from fanfare.kernel.running.stopping import stopping
from fanfare.webhooks.queries.watches import watches
from fanfare.webhooks.schemas.changes import (
    LATEST,
    ROWS,
    AfterForm,
    ChangeQuery,
    ChangesTrimmed,
    LoggedChange,
    logged,
)
from fanfare.webhooks.schemas.topic_patterns import matching

EVENT_ID = "Last-Event-ID"
HEARTBEAT_SECONDS = 15.0
# A stream ends after this, so that the client's key is checked again; it continues with its last event.
STREAM_SECONDS = 300.0
RETRY = b"retry: 2000\n\n"


class Reader:
    """Reads an account's log page by page."""

    def __init__(self, db: Db, account_id: int, query: ChangeQuery) -> None:
        self.db = db
        self.account_id = account_id
        self.limit = query.limit or ROWS
        self._topics = None if query.topics is None else matching(query.topics)
        self.position = 0

    async def begin(self, position: int | None) -> None:
        """Continue after a position; LATEST is the newest one, None the beginning of the log.

        Refuses (422) a position that no change has had yet.
        """
        if position == LATEST:
            self.position = await newest_position(self.db, self.account_id)
            return
        limits = await extent(self.db, self.account_id)
        self.position = limits.trimmed if position is None else position
        if self.position > limits.newest:
            raise BadParameters([("after", "must not be after the newest position")])

    async def page(self) -> ChangePage:
        """Return the next changes; refuses (409) when some of them were deleted."""
        page = await feed_of_topics(self.db, self.account_id, self.position, self.limit, self._topics)
        limits = await extent(self.db, self.account_id)
        if self.position < limits.trimmed:
            raise ChangesTrimmed(limits.trimmed)
        self.position = page.position
        return page

    async def wait(self, seconds: float) -> None:
        """Wait for a change after those that were read."""
        await watches().wait(self.db, self.account_id, self.position, seconds)


async def changes(db: Db, account_id: int, query: ChangeQuery, delivery: Delivery) -> ArrayPage[LoggedChange]:
    """Return the changes after a position, in order; or begin a stream of them.

    Refuses (409) a position after which changes were deleted, and (422) one that no change has had yet.
    """
    reader = Reader(db, account_id, query)
    await reader.begin(_position(query, delivery))
    page = await reader.page()
    if delivery.media_type == EVENTS and delivery.has_body:
        watches().require_room(account_id)
        delivery.stream(_events(reader, page))
        return ArrayPage([], NextPage("after", None, has_more=False))
    if query.wait and not page.changes and delivery.has_body:
        page = await _wait_for_page(reader, page, query.wait)
    next_page = NextPage("after", str(page.position), has_more=not page.is_last)
    return ArrayPage([logged(each) for each in page.changes], next_page)


def _position(query: ChangeQuery, delivery: Delivery) -> int | None:
    """Return where to continue: a browser repeats the URL with which it began, and adds the last event."""
    if delivery.media_type != EVENTS or not delivery.last_event_id:
        return query.after
    try:
        return AfterForm().read(delivery.last_event_id)
    except ValueError as wrong:
        raise BadParameters([(EVENT_ID, str(wrong))]) from None


async def _wait_for_page(reader: Reader, page: ChangePage, seconds: float) -> ChangePage:
    """Return the next page with a change, or an empty one when there was none in time, or the server stops."""
    watches().require_room(reader.account_id)
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    with watches().client(reader.account_id), turns().absence(reader.account_id):
        while not page.changes and loop.time() < end and not stopping().is_set():
            if page.is_last:
                await reader.wait(end - loop.time())
            page = await reader.page()
    return page


async def _events(reader: Reader, page: ChangePage) -> AsyncGenerator[bytes, None]:
    """Yield changes as server-sent events. The id of a heartbeat is the last position that was looked at."""
    loop = asyncio.get_running_loop()
    begin = heartbeat = loop.time()
    with watches().client(reader.account_id):
        yield RETRY
        while loop.time() < begin + STREAM_SECONDS and not stopping().is_set():
            if page.changes or loop.time() >= heartbeat:
                heartbeat = loop.time() + HEARTBEAT_SECONDS
                yield b"".join(map(_event, page.changes)) or b": heartbeat\nid: %d\n\n" % page.position
            if page.is_last:
                await reader.wait(HEARTBEAT_SECONDS)
            page = await reader.page()


def _event(change: Change) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (change.position, msgspec.json.encode(logged(change)))
