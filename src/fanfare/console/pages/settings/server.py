"""Erasure requests, addresses without messages, and what the account and its server are."""

from datetime import datetime

import msgspec

from fanfare.console.pages.settings.places import path_of, setting
from fanfare.console.queries.server import server_state
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.hosted.actions.erasure_requests import save_settings
from fanfare.hosted.queries.erasure_requests import erasure_settings
from fanfare.hosted.schemas.erasure_requests import ErasureSettings
from fanfare.kernel.data.db import Db
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.messages.actions import suppressions as suppression_actions
from fanfare.messages.queries.suppressions import suppressions as all_suppressions
from fanfare.messages.schemas.suppressions import NewSuppression, OneSuppression, SuppressionQuery
from fanfare.staff.schemas.members import Member

ROWS = 50


@manage.get("/settings/erasures", area="settings")
async def erasures(db: Db, member: Member) -> View:
    """Show when requests for erasure are carried out."""
    return setting("erasures", member, {"settings": await erasure_settings(db, member.account.id)})


@manage.post("/settings/erasures", area="settings", needs_proof=True)
async def erasures_save(db: Db, member: Member, visit: Visit, form: ErasureSettings) -> Redirect:
    """Change when requests for erasure are carried out."""
    member.require("fans", "write")
    await save_settings(db, member.account.id, form)
    flash(visit, "The setting is saved.")
    return Redirect(path_of("erasures", member))


@manage.get("/settings/suppressions", area="settings")
async def suppressions(db: Db, member: Member, query: SuppressionQuery) -> View:
    """Show the addresses that get no messages."""
    page = await all_suppressions(db, member.account.id, msgspec.structs.replace(query, limit=ROWS))
    entries = [msgspec.to_builtins(each) for each in page.data]
    mask = member.mask("messages")
    for each in entries:
        each["address"] = mask.contact(each["address"])
    return setting(
        "suppressions",
        member,
        {"suppressions": entries, "cursor": page.next_page.cursor if page.next_page.has_more else None},
    )


@manage.post("/settings/suppressions", area="settings")
async def suppression_create(db: Db, member: Member, visit: Visit, form: NewSuppression, now: datetime) -> Redirect:
    """Send nothing to an address any more."""
    await suppression_actions.suppress_manually(db, member.account, form, now)
    flash(visit, "The address gets no messages.")
    return Redirect(path_of("suppressions", member))


@manage.post("/settings/suppressions/delete", area="settings", needs_proof=True)
async def suppression_delete(db: Db, member: Member, visit: Visit, form: OneSuppression, now: datetime) -> Redirect:
    """Let an address get messages again."""
    await suppression_actions.lift(db, member.account.id, form.suppression_id, now)
    flash(visit, "The address gets messages again.")
    return Redirect(path_of("suppressions", member))


@manage.get("/settings/account", area="settings")
async def account(db: Db, member: Member) -> View:
    """Show the account, and the versions, size and jobs of the server."""
    return setting("account", member, {"state": await server_state(db, member.account.id)})
