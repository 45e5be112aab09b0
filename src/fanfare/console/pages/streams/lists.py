"""The list of streams, new ones, and the figures of one."""

from datetime import datetime, timedelta

from fanfare.console.pages.streams.access import stream_path, visible_stream
from fanfare.console.schemas.streams import NewStreamForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.staff.schemas.members import Member
from fanfare.streams.actions.streams import create_stream
from fanfare.streams.queries.managed import managed_streams
from fanfare.streams.queries.summary import summary
from fanfare.streams.schemas.streams import OneStream
from fanfare.streams.schemas.summary import SummaryQuery

TEMPLATES = "console/templates/streams"
WINDOW = timedelta(days=28)


@manage.get("/streams", area="streams")
async def streams(db: Db, member: Member) -> View:
    """Show the streams, with what waits in each and how its sources are."""
    rows = await managed_streams(db, member.account.id, member.business_ids)
    return View(f"{TEMPLATES}/streams.html", {"streams": rows})


@manage.get("/streams/new", area="streams", right="write")
async def stream_new() -> View:
    """Ask for the name of a stream and whose records are published at once."""
    return View(f"{TEMPLATES}/new.html")


@manage.post("/streams/new", area="streams", is_account_wide=True)
async def stream_create(db: Db, member: Member, visit: Visit, form: NewStreamForm, now: datetime) -> Redirect:
    """Create a stream."""
    stream_key = await create_stream(db, member.account.id, form.new(), now)
    flash(visit, "The stream is created. Add a source, or let fans submit.")
    return Redirect(f"{stream_path(member, stream_key)}/sources")


@manage.get("/streams/{stream_key}/figures", area="streams")
async def stream_figures(db: Db, member: Member, query: OneStream, now: datetime) -> View:
    """Sum up reach, authors, words and labels of four weeks."""
    stream = await visible_stream(db, member, query.stream_key)
    window = SummaryQuery(
        stream_key=query.stream_key, data=["hashtags", "words", "labels"], start_time=now - WINDOW, end_time=now
    )
    figures = await summary(db, member.account.id, window)
    return View(f"{TEMPLATES}/figures.html", {"stream": stream, "figures": figures})
