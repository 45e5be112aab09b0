"""HTTP endpoints of passes and their sections."""

from datetime import datetime

from fanfare.kernel.callers import SECRET, Account
from fanfare.kernel.clock import system_random
from fanfare.kernel.data.db import Db
from fanfare.kernel.data.paging import Page
from fanfare.kernel.pictures import Png, Svg
from fanfare.kernel.web.endpoint import endpoint
from fanfare.registrations.actions import gates
from fanfare.registrations.actions import passes as actions
from fanfare.registrations.queries import passes as queries
from fanfare.registrations.schemas.passes import (
    CheckedIn,
    NewCheckIn,
    NewPasses,
    NewSection,
    OnePass,
    Pass,
    PassCampaign,
    PassChanges,
    PassFan,
    PassFigures,
    PassMeta,
    PassQuery,
    Section,
    SectionChanges,
    SectionQuery,
    SectionSaved,
)


@endpoint.post("/api/v1/campaigns/{page_tab_id}/passes/check_in", scope="apps", key=SECRET)
async def campaigns_pass_check_in(db: Db, account: Account, new: NewCheckIn, now: datetime) -> CheckedIn:
    """Check in an event pass of a campaign, found by its code or uid.

    It admits once. 409 for a pass that was used, with when and where. A gate that lost the response tries again with
    the same gate_name and check_in_key (or Idempotency-Key) and gets the same answer.
    """
    return await gates.check_in(db, account, new, now)


@endpoint.get("/api/v1/manage/campaigns/{page_tab_id}/pass_sections", scope="manage", key=SECRET)
async def manage_pass_sections_list(db: Db, account: Account, query: SectionQuery) -> list[Section]:
    """List the sections of a campaign's passes by name."""
    return await queries.sections(db, account.id, query.page_tab_id)


@endpoint.post("/api/v1/manage/campaigns/{page_tab_id}/pass_sections", scope="manage", key=SECRET)
async def manage_pass_sections_create(db: Db, account: Account, new: NewSection, now: datetime) -> SectionSaved:
    """Add a section, such as a day or a camping ground, with a capacity."""
    return SectionSaved(await actions.create_section(db, account.id, new, now))


@endpoint.post("/api/v1/manage/pass_sections/{section_uid}", scope="manage", key=SECRET)
async def manage_pass_sections_update(db: Db, account: Account, changes: SectionChanges, now: datetime) -> SectionSaved:
    """Rename a section or change its capacity, which cannot be below the number of its passes."""
    return SectionSaved(await actions.change_section(db, account.id, changes, now))


@endpoint.get("/api/v1/manage/pass_campaigns", scope="manage", key=SECRET)
async def manage_pass_campaigns_list(db: Db, account: Account) -> list[PassCampaign]:
    """List the campaigns with passes, the newest first."""
    return await queries.pass_campaigns(db, account.id)


@endpoint.get("/api/v1/manage/campaigns/{page_tab_id}/pass_figures", scope="manage", key=SECRET)
async def manage_pass_figures_get(db: Db, account: Account, query: SectionQuery) -> PassFigures:
    """Count the passes of a campaign: claimed, used, cancelled."""
    return await queries.pass_figures(db, account.id, query.page_tab_id)


@endpoint.get("/api/v1/manage/campaigns/{page_tab_id}/passes", scope="manage", key=SECRET)
async def manage_passes_list(db: Db, account: Account, query: PassQuery) -> Page[PassMeta, Pass]:
    """Page through the passes of a campaign in the order of their creation."""
    return await queries.passes(db, account.id, query)


@endpoint.post(
    "/api/v1/manage/campaigns/{page_tab_id}/passes",
    scope="manage",
    key=SECRET,
    references=actions.references,
    is_routine=True,
)
async def manage_passes_create(db: Db, account: Account, new: NewPasses, now: datetime) -> list[Pass]:
    """Create passes of a campaign, at most 1000 at once; 409 when the section has fewer places left."""
    return await actions.create_passes(db, account.id, new, now, system_random())


@endpoint.get("/api/v1/manage/passes/{pass_uid}", scope="manage", key=SECRET)
async def manage_passes_get(db: Db, account: Account, target: OnePass) -> Pass:
    """Return one pass."""
    return await queries.one_pass(db, account.id, target.pass_uid)


@endpoint.post("/api/v1/manage/passes/{pass_uid}", scope="manage", key=SECRET)
async def manage_passes_update(db: Db, account: Account, changes: PassChanges, now: datetime) -> Pass:
    """Change the event of a pass."""
    return await actions.change_pass(db, account.id, changes, now)


@endpoint.get("/api/v1/manage/passes/{pass_uid}/qr.svg", scope="manage", key=SECRET)
async def manage_passes_qr_svg(db: Db, account: Account, target: OnePass) -> Svg:
    """Draw the QR code of a pass as SVG; it contains the pass_code."""
    return await queries.svg(db, account.id, target.pass_uid)


@endpoint.get("/api/v1/manage/passes/{pass_uid}/qr.png", scope="manage", key=SECRET)
async def manage_passes_qr_png(db: Db, account: Account, target: OnePass) -> Png:
    """Draw the QR code of a pass as PNG; it contains the pass_code."""
    return await queries.png(db, account.id, target.pass_uid)


@endpoint.post("/api/v1/manage/passes/{pass_uid}/claim", scope="manage", key=SECRET, is_routine=True)
async def manage_passes_claim(db: Db, account: Account, change: PassFan, now: datetime) -> Pass:
    """Assign a pass that nobody holds to a fan; 409 when another fan holds it."""
    return await actions.claim_pass(db, account, change, now)


@endpoint.post("/api/v1/manage/passes/{pass_uid}/transfer", scope="manage", key=SECRET, is_routine=True)
async def manage_passes_transfer(db: Db, account: Account, change: PassFan, now: datetime) -> Pass:
    """Transfer a pass to another fan; its code changes, so the old one no longer opens a gate."""
    return await actions.transfer_pass(db, account, change, now, system_random())


@endpoint.post("/api/v1/manage/passes/{pass_uid}/cancel", scope="manage", key=SECRET)
async def manage_passes_cancel(db: Db, account: Account, target: OnePass, now: datetime) -> Pass:
    """Cancel an unused pass and free its place in its section."""
    return await actions.cancel_pass(db, account, target.pass_uid, now)
