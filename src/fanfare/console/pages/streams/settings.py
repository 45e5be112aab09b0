"""Authors, sources and settings of a stream, its wall, and the words that make records wait."""

from datetime import datetime
from urllib.parse import urlencode

import msgspec

from fanfare.console.pages.campaigns.access import visible_campaign
from fanfare.console.pages.choices import campaign_choices
from fanfare.console.pages.streams.access import AREA, stream_path, visible_stream
from fanfare.console.schemas.streams import AuthorForm, SourceForm, SourceSwitch, StreamForm, WordForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.console.shell.signed_in import next_path
from fanfare.fans.actions.names import delete_word, save_word
from fanfare.fans.queries.attributes import name_words
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.running.public_address import public_address
from fanfare.staff.schemas.members import Member
from fanfare.streams.actions import sources as source_actions
from fanfare.streams.actions.moderation import change_author
from fanfare.streams.actions.streams import change_stream, delete_stream
from fanfare.streams.queries.managed import managed_authors
from fanfare.streams.queries.sources import sources
from fanfare.streams.schemas.managed import AuthorQuery
from fanfare.streams.schemas.records import AuthorChange
from fanfare.streams.schemas.sources import KINDS, OneSource, SourceChanges
from fanfare.streams.schemas.streams import OneStream, StreamChanges

TEMPLATES = "console/templates/streams"
SAVED = "Saved."
ROWS = 50


@manage.get("/streams/{stream_key}/authors", area="streams")
async def stream_authors(db: Db, member: Member, query: AuthorQuery) -> View:
    """Show the authors of a stream, and who is trusted or blocked."""
    stream = await visible_stream(db, member, query.stream_key)
    page = await managed_authors(db, member.account.id, msgspec.structs.replace(query, limit=ROWS))
    status = {"author_status": query.author_status} if query.author_status else {}
    values = {
        "stream": stream,
        "authors": member.mask(AREA).record(page.data),
        "status": query.author_status or "",
        "further_query": urlencode({**status, "cursor": page.next_page.cursor}) if page.next_page.has_more else "",
    }
    return View(f"{TEMPLATES}/authors.html", values)


@manage.post("/streams/{stream_key}/authors/{author_id}", area="streams")
async def stream_author_save(db: Db, member: Member, visit: Visit, form: AuthorForm, now: datetime) -> Redirect:
    """Trust or block an author; the records of one who is blocked are removed."""
    await visible_stream(db, member, form.stream_key)
    change = AuthorChange(stream_key=form.stream_key, author_id=form.author_id, author_status=form.author_status)
    await change_author(db, member.account.id, change, now)
    flash(visit, SAVED)
    path = stream_path(member, form.stream_key)
    target = next_path(form.next)
    return Redirect(target if target.startswith(path) else f"{path}/authors")


@manage.get("/streams/{stream_key}/sources", area="streams")
async def stream_sources(db: Db, member: Member, query: OneStream) -> View:
    """Show the sources of a stream, when each was read last, and with which error."""
    stream = await visible_stream(db, member, query.stream_key)
    rows = await sources(db, member.account.id, query.stream_key)
    choices = await campaign_choices(db, member) if member.may("streams", "write") else []
    return View(f"{TEMPLATES}/sources.html", {"stream": stream, "sources": rows, "kinds": KINDS, "campaigns": choices})


@manage.post("/streams/{stream_key}/sources", area="streams")
async def stream_source_create(db: Db, member: Member, visit: Visit, form: SourceForm, now: datetime) -> Redirect:
    """Add a source."""
    await visible_stream(db, member, form.stream_key)
    if form.page_tab_id is not None:
        await visible_campaign(db, member, form.page_tab_id, now)
    await source_actions.add_source(db, member.account.id, form, now)
    flash(visit, "The source is added, and read within a minute.")
    return Redirect(f"{stream_path(member, form.stream_key)}/sources")


@manage.post("/streams/{stream_key}/sources/{source_id}", area="streams")
async def stream_source_switch(db: Db, member: Member, visit: Visit, form: SourceSwitch, now: datetime) -> Redirect:
    """Read a source again, or no longer."""
    await visible_stream(db, member, form.stream_key)
    changes = SourceChanges(stream_key=form.stream_key, source_id=form.source_id, is_enabled=form.is_enabled)
    await source_actions.change_source(db, member.account.id, changes, now)
    flash(visit, SAVED)
    return Redirect(f"{stream_path(member, form.stream_key)}/sources")


@manage.post("/streams/{stream_key}/sources/{source_id}/delete", area="streams")
async def stream_source_delete(db: Db, member: Member, visit: Visit, form: OneSource, now: datetime) -> Redirect:
    """Delete a source; its records stay."""
    await visible_stream(db, member, form.stream_key)
    await source_actions.delete_source(db, member.account.id, form, now)
    flash(visit, "The source is deleted. Its records stay.")
    return Redirect(f"{stream_path(member, form.stream_key)}/sources")


@manage.get("/streams/{stream_key}/settings", area="streams", right="write")
async def stream_settings(db: Db, member: Member, query: OneStream) -> View:
    """Show the settings of a stream and its wall."""
    stream = await visible_stream(db, member, query.stream_key)
    values = {
        "stream": stream,
        "wall_path": f"/streams/{stream.stream_key}/stream_widget",
        "wall_url": f"{public_address.base}/streams/{stream.stream_key}/stream_widget",
        "words": [] if member.is_limited else await name_words(db, member.account.id),
    }
    return View(f"{TEMPLATES}/settings.html", values)


@manage.post("/streams/{stream_key}/settings", area="streams")
async def stream_settings_save(db: Db, member: Member, visit: Visit, form: StreamForm, now: datetime) -> Redirect:
    """Save the settings of a stream."""
    await visible_stream(db, member, form.stream_key)
    fields = {name: getattr(form, name) for name in StreamForm.__struct_fields__}
    await change_stream(db, member.account.id, StreamChanges(**fields), now)
    flash(visit, SAVED)
    return Redirect(f"{stream_path(member, form.stream_key)}/settings")


@manage.post("/streams/{stream_key}/delete", area="streams")
async def stream_delete(db: Db, member: Member, visit: Visit, form: OneStream, now: datetime) -> Redirect:
    """Delete a stream with its records and sources."""
    await visible_stream(db, member, form.stream_key)
    await delete_stream(db, member.account.id, form.stream_key, now)
    flash(visit, "The stream is deleted.")
    return Redirect(f"/manage/{member.account.id}/streams")


@manage.post("/streams/{stream_key}/words", area="streams")
async def stream_word_add(db: Db, member: Member, visit: Visit, form: WordForm, now: datetime) -> Redirect:
    """Add a word to the list of the account, which makes records wait."""
    await visible_stream(db, member, form.stream_key)
    member.require_all_businesses()
    await save_word(db, member.account.id, form.word, now, is_allowed=False)
    flash(visit, SAVED)
    return Redirect(f"{stream_path(member, form.stream_key)}/settings")


@manage.post("/streams/{stream_key}/words/delete", area="streams")
async def stream_word_delete(db: Db, member: Member, visit: Visit, form: WordForm, now: datetime) -> Redirect:
    """Remove a word from the list of the account."""
    await visible_stream(db, member, form.stream_key)
    member.require_all_businesses()
    await delete_word(db, member.account.id, form.word, now)
    flash(visit, SAVED)
    return Redirect(f"{stream_path(member, form.stream_key)}/settings")
