"""Changes of one fan: fields, tags, identifiers, devices, restrictions, points."""

import uuid
from datetime import datetime

from msgspec import UNSET

from fanfare.console.pages.choices import country_choices
from fanfare.console.queries.fans_shown import current_fan_id, shown_fan
from fanfare.console.schemas.fan import (
    FanDeviceForm,
    FanSessionForm,
    FanSuppressionForm,
    FanVisibilityForm,
    PointsForm,
    TagForm,
)
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.fans.actions import identifiers
from fanfare.fans.actions.fans import change_fan
from fanfare.fans.actions.tags import change_tag
from fanfare.fans.actions.visibility import set_visibility
from fanfare.fans.queries import attributes
from fanfare.fans.schemas.attributes import IdentifierChange, OnePushToken, TagChange
from fanfare.fans.schemas.fans import FanChanges, OneFan
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Unknown
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.messages.actions.suppressions import lift
from fanfare.points.actions.awards import AwardKeyUsed, award_points
from fanfare.points.queries.points import points
from fanfare.points.schemas.points import NewAward
from fanfare.profiles.queries.restrictions import restrictions
from fanfare.sessions.actions.opening import end_fan_sessions, end_session_by_id
from fanfare.sessions.queries.sessions import fan_sessions
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/fan"
SOURCE = "manage centre"
FORM_USED = "This form was booked already. Book other points by the new form."
# What the form of a fan may change; consents have a form of their own, and passwords are the fan's.
EDITABLE = (
    "first_name", "last_name", "email", "phone", "add_phone", "display_name", "gender", "birth_date", "country_code",
    "province", "city", "postal_code", "fields",
)  # fmt: skip


def fan_url(member: Member, fan_id: int, fragment: str = "") -> str:
    """Return the path of a fan's page, and of a section of it."""
    return f"/manage/{member.account.id}/fans/{fan_id}{'#' + fragment if fragment else ''}"


@manage.get("/fans/{fan_id}/edit", area="fans", right="write")
async def fan_edit(db: Db, member: Member, visit: Visit, query: OneFan) -> View:
    """Ask for the fields of a fan."""
    subject = await shown_fan(db, member, visit, query.fan_id)
    member.require("fans", "personal")
    fields = [each for each in await attributes.fields(db, member.account.id) if each.is_active]
    return View(
        f"{TEMPLATES}/edit.html", {"fan": subject, "fields": fields, "countries": country_choices(visit.language)}
    )


@manage.post("/fans/{fan_id}/edit", area="fans")
async def fan_save(db: Db, member: Member, visit: Visit, form: FanChanges, now: datetime) -> Redirect:
    """Save the fields that changed."""
    fan_id = await current_fan_id(db, member, form.fan_id)
    member.require("fans", "personal")
    changes = {name: value for name in EDITABLE if (value := getattr(form, name)) not in (UNSET, {})}
    await change_fan(db, member.account, FanChanges(fan_id=fan_id, **changes), now, source=SOURCE)
    flash(visit, "The fan is saved.")
    return Redirect(fan_url(member, fan_id))


@manage.post("/fans/{fan_id}/tags", area="fans")
async def fan_tag_add(db: Db, member: Member, visit: Visit, form: TagForm, now: datetime) -> Redirect:
    """Add a tag, a new one if there is none of this name."""
    return await _change_tag(db, member, visit, form, now)


@manage.post("/fans/{fan_id}/tags/remove", area="fans")
async def fan_tag_remove(db: Db, member: Member, visit: Visit, form: TagForm, now: datetime) -> Redirect:
    """Remove a tag."""
    return await _change_tag(db, member, visit, form, now, action="delete")


async def _change_tag(
    db: Db, member: Member, visit: Visit, form: TagForm, now: datetime, *, action: str = "add"
) -> Redirect:
    fan_id = await current_fan_id(db, member, form.fan_id)
    change = TagChange(tag_name=form.tag_name, action=action, fan_ids=[fan_id])
    await change_tag(db, member.account.id, change, now)
    text = "The tag %(name)s is added." if action == "add" else "The tag %(name)s is removed."
    flash(visit, text, {"name": form.tag_name})
    return Redirect(fan_url(member, fan_id, "tags"))


@manage.post("/fans/{fan_id}/identifiers", area="fans")
async def fan_identifier_add(db: Db, member: Member, visit: Visit, form: IdentifierChange, now: datetime) -> Redirect:
    """Add the key of another system."""
    fan_id = await current_fan_id(db, member, form.fan_id)
    form.fan_id = fan_id
    await identifiers.add_identifier(db, member.account.id, form, now)
    flash(visit, "The key is added.")
    return Redirect(fan_url(member, fan_id, "keys"))


@manage.post("/fans/{fan_id}/identifiers/remove", area="fans")
async def fan_identifier_remove(
    db: Db, member: Member, visit: Visit, form: IdentifierChange, now: datetime
) -> Redirect:
    """Remove the key of another system."""
    form.fan_id = await current_fan_id(db, member, form.fan_id)
    await identifiers.remove_identifier(db, member.account.id, form, now)
    flash(visit, "The key is removed.")
    return Redirect(fan_url(member, form.fan_id, "keys"))


@manage.post("/fans/{fan_id}/sessions/end", area="fans")
async def fan_session_end(db: Db, member: Member, visit: Visit, form: FanSessionForm, now: datetime) -> Redirect:
    """Log out one device."""
    fan_id = await current_fan_id(db, member, form.fan_id)
    sessions = {each.session_id: each for each in await fan_sessions(db, member.account.id, fan_id, now)}
    if form.session_id not in sessions:
        raise Unknown(session=form.session_id)
    member.require_business(sessions[form.session_id].business_id, session=form.session_id)
    await end_session_by_id(db, member.account.id, form.session_id, now)
    flash(visit, "The device is logged out.")
    return Redirect(fan_url(member, fan_id, "devices"))


@manage.post("/fans/{fan_id}/sessions/end_all", area="fans", is_account_wide=True)
async def fan_sessions_end(db: Db, member: Member, visit: Visit, form: OneFan, now: datetime) -> Redirect:
    """Log out all devices."""
    fan_id = await current_fan_id(db, member, form.fan_id)
    count = await end_fan_sessions(db, member.account.id, fan_id, now)
    flash(visit, "Sessions ended: %(count)s.", {"count": visit.language.number(count)})
    return Redirect(fan_url(member, fan_id, "devices"))


@manage.post("/fans/{fan_id}/push_tokens/remove", area="fans", is_account_wide=True)
async def fan_device_remove(db: Db, member: Member, visit: Visit, form: FanDeviceForm, now: datetime) -> Redirect:
    """Send no more push messages to a device."""
    fan_id = await current_fan_id(db, member, form.fan_id)
    devices = await attributes.push_tokens(db, member.account.id, fan_id)
    if form.device_number >= len(devices):
        raise Unknown(device=form.device_number)
    token = OnePushToken(push_token=devices[form.device_number].push_token)
    await identifiers.delete_push_token(db, member.account.id, token, now)
    flash(visit, "The device gets no more push messages.")
    return Redirect(fan_url(member, fan_id, "devices"))


@manage.post("/fans/{fan_id}/suppressions/lift", area="fans", needs_proof=True)
async def fan_suppression_lift(
    db: Db, member: Member, visit: Visit, form: FanSuppressionForm, now: datetime
) -> Redirect:
    """Let an address of the fan get messages again."""
    fan_id = await current_fan_id(db, member, form.fan_id)
    suppressed = (await restrictions(db, member.account.id, fan_id)).suppressed
    if form.suppression_id not in {each.suppression_id for each in suppressed}:
        raise Unknown(suppression=form.suppression_id)
    await lift(db, member.account.id, form.suppression_id, now)
    flash(visit, "The address gets messages again.")
    return Redirect(fan_url(member, fan_id))


@manage.post("/fans/{fan_id}/visibility", area="fans", is_account_wide=True)
async def fan_visibility(db: Db, member: Member, visit: Visit, form: FanVisibilityForm, now: datetime) -> Redirect:
    """Hide a fan from public lists, or show the fan again."""
    fan_id = await current_fan_id(db, member, form.fan_id)
    await set_visibility(db, member.account.id, fan_id, now, is_hidden=form.is_hidden)
    flash(visit, "Public lists leave the fan out." if form.is_hidden else "Public lists show the fan again.")
    return Redirect(fan_url(member, fan_id))


@manage.get("/fans/{fan_id}/points", area="points", right="write", is_account_wide=True)
async def fan_points_new(db: Db, member: Member, visit: Visit, query: OneFan) -> View:
    """Ask how many points of which kind, and why."""
    subject = await shown_fan(db, member, visit, query.fan_id)
    kinds = [each for each in await points(db, member.account.id) if each.is_active]
    return View(f"{TEMPLATES}/points.html", {"fan": subject, "kinds": kinds, "award_uid": uuid.uuid4()})


@manage.post("/fans/{fan_id}/points", area="points", is_account_wide=True)
async def fan_points_award(db: Db, member: Member, visit: Visit, form: PointsForm, now: datetime) -> Redirect:
    """Award points, or take them."""
    fan_id = await current_fan_id(db, member, form.fan_id)
    if not form.point_count:
        raise BadParameters([("point_count", "must not be 0")])
    award = NewAward(
        point_uid=form.point_uid, fan_id=fan_id, point_count=form.point_count, point_source=form.reason,
        award_key=f"manage-centre:{form.award_uid}",
    )  # fmt: skip
    try:
        await award_points(db, member.account.id, award, now, address=visit.address)
    except AwardKeyUsed:
        flash(visit, FORM_USED, kind="bad")
        return Redirect(f"{fan_url(member, fan_id)}/points")
    flash(visit, "Points booked: %(count)s.", {"count": visit.language.number(form.point_count)})
    return Redirect(fan_url(member, fan_id, "points"))
