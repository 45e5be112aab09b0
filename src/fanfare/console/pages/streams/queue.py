"""The queue of a stream: records approved, removed, labelled, one by one or many at once, and undone."""

from datetime import datetime
from urllib.parse import urlencode

import msgspec

from fanfare.console.pages.streams.access import AREA, stream_path, visible_stream
from fanfare.console.schemas.streams import ROWS, BulkForm, QueueQuery, RecordForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash, flash_count
from fanfare.console.shell.signed_in import next_path
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.schemas.members import Member
from fanfare.streams.actions.moderation import moderate_all
from fanfare.streams.queries.records import managed_record, managed_records
from fanfare.streams.schemas.records import BulkAction, ManagedQuery, ManagedRecord, OneRecord

TEMPLATES = "console/templates/streams"
FILTERS = ("record_status", "network", "label_key", "author_id", "order")


def shown_record(member: Member, record: ManagedRecord) -> ManagedRecord:
    """Return a record as the person may see it: what fans wrote can name them."""
    mask = member.mask(AREA)
    masked = mask.record(record, "caption") if record.network in ("direct", "form", "mail") else record
    return msgspec.structs.replace(masked, author_name=mask.name(record.author_name) or None)


def following(url: str | None, path: str, **values: object) -> str:
    """Return where a form leads on to: a page of the stream, with values in its query."""
    target = next_path(url)
    if not target.startswith(f"{path}?") and target != path:
        target = path
    base, _, query = target.partition("?")
    pairs = [each for each in query.split("&") if each and each.partition("=")[0] not in ("last", "last_status")]
    added = urlencode({name: value for name, value in values.items() if value is not None})
    text = "&".join([*pairs, *([added] if added else [])])
    return f"{base}?{text}" if text else base


@manage.get("/streams/{stream_key}", area="streams")
async def stream_queue(db: Db, member: Member, query: QueueQuery) -> View:
    """Show records of a stream, those that wait first."""
    stream = await visible_stream(db, member, query.stream_key)
    filters = {name: getattr(query, name) for name in FILTERS}
    page = await managed_records(
        db, member.account.id, ManagedQuery(stream_key=query.stream_key, limit=ROWS, cursor=query.cursor, **filters)
    )
    chosen = {name: value for name, value in filters.items() if value}
    has_more = page.next_page.has_more
    values = {
        "stream": stream,
        "records": [shown_record(member, each) for each in page.data],
        "filters": filters,
        "is_filtered": bool(query.network or query.label_key or query.author_id),
        "further_query": urlencode({**chosen, "cursor": page.next_page.cursor}) if has_more else "",
        "undo": (query.last, query.last_status) if query.last and query.last_status else None,
    }
    return View(f"{TEMPLATES}/queue.html", values)


@manage.get("/streams/{stream_key}/records/{feed_record_id}", area="streams")
async def stream_record(db: Db, member: Member, query: OneRecord) -> View:
    """Show one record, as the queue does."""
    stream = await visible_stream(db, member, query.stream_key)
    record = await managed_record(db, member.account.id, query)
    return View(f"{TEMPLATES}/record.html", {"stream": stream, "record": shown_record(member, record)})


@manage.post("/streams/{stream_key}/records/{feed_record_id}", area="streams")
async def stream_record_moderate(db: Db, member: Member, form: RecordForm, now: datetime) -> Redirect:
    """Approve, remove or label a record, or let it wait again; the page that follows can undo it."""
    await visible_stream(db, member, form.stream_key)
    record = await managed_record(db, member.account.id, form)
    order = BulkAction(
        stream_key=form.stream_key, feed_record_ids=[form.feed_record_id], action=form.action, label_key=form.label_key
    )
    await moderate_all(db, member.account.id, order, now)
    path = stream_path(member, form.stream_key)
    if form.shows == "record":
        return Redirect(f"{path}/records/{form.feed_record_id}")
    undo = (form.feed_record_id, record.record_status) if not form.action.endswith("label") else (None, None)
    return Redirect(following(form.next, path, last=undo[0], last_status=undo[1]))


@manage.post("/streams/{stream_key}/moderate", area="streams")
async def stream_moderate(db: Db, member: Member, visit: Visit, form: BulkForm, now: datetime) -> Redirect:
    """Do the same with all records that are picked."""
    await visible_stream(db, member, form.stream_key)
    count = 0
    if form.feed_record_ids:
        order = BulkAction(
            stream_key=form.stream_key, feed_record_ids=form.feed_record_ids, action=form.action,
            label_key=form.label_key,
        )  # fmt: skip
        count = len(await moderate_all(db, member.account.id, order, now))
    if count:
        flash_count(visit, ("%(count)s record is changed.", "%(count)s records are changed."), count)
    else:
        flash(visit, "No record was changed: pick some first.", kind="warn")
    return Redirect(following(form.next, stream_path(member, form.stream_key)))
