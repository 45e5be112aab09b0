"""Everything that is stored about a fan as a file, the end of it, and the requests of fans who ask for that."""

from datetime import datetime

from fanfare.console.queries.fans_shown import current_fan_id, shown_fan
from fanfare.console.schemas.fan import DecisionForm, EraseForm, OneRequest
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.exports.queries.objects import objects_of_erasure
from fanfare.exports.schemas.objects import ErasureObjectWindow
from fanfare.fans.actions.erasure import erase_fan
from fanfare.fans.queries.erasures import erasures
from fanfare.fans.queries.export import export_to_file
from fanfare.fans.queries.fans import fan, fans_by_ids
from fanfare.fans.schemas.erasures import ErasureWindow
from fanfare.fans.schemas.fans import Fan, OneFan
from fanfare.hosted.actions import erasure_requests as actions
from fanfare.hosted.queries import erasure_requests as queries
from fanfare.hosted.schemas.erasure_requests import ErasureDecision, ErasureRequestWindow, ErasureSettings
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.folding import fold
from fanfare.kernel.pages.languages import without_isolates
from fanfare.kernel.pages.page import Download, Redirect, View, Visit
from fanfare.profiles.queries.comparison import fan_rows
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/fan"
SOURCE = "manage centre"
ROWS = 50


def shown_name(fan: Fan) -> str:
    """Return what a person types to erase a fan: the name, else the address, number or id."""
    return fan.name or fan.email or fan.phone or str(fan.fan_id)


def _check_name(fan: Fan, text: str | None) -> None:
    if " ".join(fold(without_isolates(text or "")).split()) != " ".join(fold(shown_name(fan)).split()):
        raise BadParameters([("typed_name", "must be the name as it is shown")])


@manage.get("/fans/{fan_id}/export", area="fans", right="export", needs_proof=True, is_account_wide=True)
async def fan_export(db: Db, member: Member, visit: Visit, query: OneFan, now: datetime) -> Download:
    """Download everything that is stored about a fan, as JSON."""
    await shown_fan(db, member, visit, query.fan_id)
    member.require("fans", "personal")
    file = await export_to_file(db, member.account.id, query.fan_id, now)
    return Download(file, f"fan-{query.fan_id}.json", "application/json")


@manage.get("/fans/{fan_id}/erase", area="fans", right="write", is_account_wide=True)
async def fan_erase_preview(db: Db, member: Member, visit: Visit, query: OneFan) -> View:
    """Show what an erasure would delete, in numbers."""
    subject = await shown_fan(db, member, visit, query.fan_id)
    rows = await fan_rows(db, member.account.id, query.fan_id)
    request = await queries.waiting_request(db, member.account.id, query.fan_id)
    values = {"fan": subject, "rows": rows, "request": request, "shown_name": shown_name(subject)}
    return View(f"{TEMPLATES}/erase.html", values)


@manage.post("/fans/{fan_id}/erase", area="fans", needs_proof=True, is_account_wide=True)
async def fan_erase(db: Db, member: Member, visit: Visit, form: EraseForm, now: datetime) -> Redirect:
    """Erase a fan for good."""
    fan_id = await current_fan_id(db, member, form.fan_id)
    _check_name(member.mask("fans").record(await fan(db, member.account.id, fan_id)), form.typed_name)
    certificate = await erase_fan(db, member.account.id, fan_id, now, source=SOURCE)
    flash(visit, "The fan is erased. Certificate %(number)s.", {"number": str(certificate.erasure_id)})
    return Redirect(f"/manage/{member.account.id}/erasures")


@manage.get("/erasures", area="fans", is_account_wide=True)
async def erasure_list(db: Db, member: Member, query: ErasureWindow) -> View:
    """Show the certificates of erasures."""
    query = ErasureWindow(max_erasure_id=query.max_erasure_id, limit=ROWS)
    return View(f"{TEMPLATES}/erasures.html", {"page": await erasures(db, member.account.id, query)})


@manage.get("/erasures/{erasure_id}/objects", area="fans", is_account_wide=True)
async def erasure_objects(db: Db, member: Member, query: ErasureObjectWindow) -> View:
    """Show the files of exports at storages that may contain the fan of a certificate."""
    query = ErasureObjectWindow(erasure_id=query.erasure_id, max_object_id=query.max_object_id, limit=ROWS)
    values = {"page": await objects_of_erasure(db, member.account.id, query), "erasure_id": query.erasure_id}
    return View(f"{TEMPLATES}/objects.html", values)


@manage.post("/fans/{fan_id}/erasure_requests", area="fans", needs_proof=True, is_account_wide=True)
async def fan_erasure_request(db: Db, member: Member, visit: Visit, form: OneFan, now: datetime) -> Redirect:
    """Record that a fan asked to be erased, by letter or on the phone."""
    fan_id = await current_fan_id(db, member, form.fan_id)
    await actions.request_erasure(db, member.account.id, fan_id, now, actions.Origin(SOURCE))
    flash(visit, "The request is recorded.")
    return Redirect(f"/manage/{member.account.id}/erasure_requests")


@manage.get("/erasure_requests", area="fans", is_account_wide=True)
async def erasure_request_list(db: Db, member: Member, query: ErasureRequestWindow) -> View:
    """Show who asked to be erased, those that wait first."""
    state = query.state or "waiting"
    window = ErasureRequestWindow(state=state, max_erasure_request_id=query.max_erasure_request_id, limit=ROWS)
    page = await queries.erasure_requests(db, member.account.id, window)
    fans = await fans_by_ids(db, member.account.id, list({each.fan_id for each in page.data}))
    mask = member.mask("fans")
    values = {
        "page": page,
        "state": state,
        "names": {each.fan_id: shown_name(mask.record(each)) for each in fans},
        "settings": await queries.erasure_settings(db, member.account.id),
    }
    return View(f"{TEMPLATES}/requests.html", values)


@manage.post("/erasure_requests", area="fans", needs_proof=True, is_account_wide=True)
async def erasure_settings_save(db: Db, member: Member, visit: Visit, form: ErasureSettings) -> Redirect:
    """Save after how many days requests are carried out without staff."""
    await actions.save_settings(db, member.account.id, form)
    flash(visit, "Saved.")
    return Redirect(f"/manage/{member.account.id}/erasure_requests")


@manage.get("/erasure_requests/{erasure_request_id}", area="fans", is_account_wide=True)
async def erasure_request(db: Db, member: Member, query: OneRequest) -> View:
    """Show a request, and what an erasure would delete."""
    account_id = member.account.id
    request = await queries.erasure_request(db, account_id, query.erasure_request_id)
    fans = await fans_by_ids(db, account_id, [request.fan_id])
    subject = member.mask("fans").record(fans[0]) if fans else None
    values = {
        "request": request,
        "fan": subject,
        "shown_name": shown_name(subject) if subject else "",
        "rows": await fan_rows(db, account_id, request.fan_id) if fans else None,
    }
    return View(f"{TEMPLATES}/request.html", values)


@manage.post("/erasure_requests/{erasure_request_id}", area="fans", needs_proof=True, is_account_wide=True)
async def erasure_request_decide(db: Db, member: Member, visit: Visit, form: DecisionForm, now: datetime) -> Redirect:
    """Erase the fan of a request, or refuse it."""
    account_id = member.account.id
    request = await queries.erasure_request(db, account_id, form.erasure_request_id)
    fans = await fans_by_ids(db, account_id, [request.fan_id])
    if form.decision == "erase" and fans:
        _check_name(member.mask("fans").record(fans[0]), form.typed_name)
    decision = ErasureDecision(
        erasure_request_id=form.erasure_request_id, decision="erase" if form.decision == "erase" else "refuse"
    )
    decided = await actions.decide(db, account_id, decision, now)
    flash(visit, "The request is refused." if decided.state == "refused" else "The fan is erased.")
    return Redirect(f"/manage/{account_id}/erasure_requests")
