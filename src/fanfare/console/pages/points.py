"""Points: categories with their boards, awards with the reason, points that are given and taken back by hand."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from fanfare.console.pages.choices import campaign_choices
from fanfare.console.pages.fan.changes import FORM_USED
from fanfare.console.schemas.points import BookingsPage, HandAward, UndoForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash, flash_count
from fanfare.console.shell.links import path_of
from fanfare.fans.queries.fans import check_fan, fans_by_ids
from fanfare.fans.schemas.fans import Fan
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.points.actions.awards import AwardKeyUsed, award_points
from fanfare.points.actions.categories import change_point, create_point
from fanfare.points.actions.undoing import undo_award
from fanfare.points.queries.bookings import board, bookings, one_point
from fanfare.points.queries.points import points as point_categories
from fanfare.points.schemas.bookings import BoardQuery, BookingQuery
from fanfare.points.schemas.points import NewAward, NewPoint, PointChanges
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/points"
PLACES, ROWS, BOARDS = 10, 50, 4
# Where awards by hand come from.
SOURCE = "manage-centre"


async def _fans(db: Db, member: Member, fan_ids: Iterable[int]) -> dict[int, Fan]:
    return {fan.fan_id: fan for fan in await fans_by_ids(db, member.account.id, sorted(set(fan_ids)))}


@manage.get("/points", area="points", is_account_wide=True)
async def points(db: Db, member: Member) -> View:
    """Show the categories, each with the first places of its board. Points belong to the whole account."""
    account_id = member.account.id
    categories = await point_categories(db, account_id)
    open_points = [each for each in categories if each.is_active][:BOARDS]
    boards = [
        (each, await board(db, account_id, BoardQuery(point_uid=each.point_uid, limit=PLACES))) for each in open_points
    ]
    values = {
        "categories": categories,
        "boards": boards,
        "fans": await _fans(db, member, {place.fan_id for _, places in boards for place in places}),
        "mask": member.mask("points"),
    }
    return View(f"{TEMPLATES}/points.html", values)


@manage.post("/points", area="points", is_account_wide=True)
async def point_create(db: Db, member: Member, visit: Visit, form: NewPoint, now: datetime) -> Redirect:
    """Make a category."""
    try:
        point_uid = await create_point(db, member.account.id, form, now)
    except Conflict as refusal:
        raise BadParameters([("point_name", refusal.detail)]) from None
    flash(visit, "The category is made.")
    return Redirect(path_of(member, f"/points/{point_uid}"))


@manage.get("/points/{point_uid}", area="points", is_account_wide=True)
async def point(db: Db, member: Member, query: BookingsPage) -> View:
    """Show a category: its board, and its awards with the reason, the newest first."""
    account_id, path = member.account.id, f"/points/{query.point_uid}"
    choice = BookingQuery(point_uid=query.point_uid, fan_id=query.fan, cursor=query.cursor, limit=ROWS)
    page = await bookings(db, account_id, choice)
    places = await board(db, account_id, BoardQuery(point_uid=query.point_uid, limit=PLACES))
    values = {
        "point": await one_point(db, account_id, query.point_uid),
        "places": places,
        "fans": await _fans(db, member, [*(each.fan_id for each in places), *(each.fan_id for each in page.data)]),
        "bookings": page.data,
        "fan_id": query.fan,
        "campaigns": dict(await campaign_choices(db, member)),
        "award_uid": uuid.uuid4(),
        "mask": member.mask("points"),
        "path": path_of(member, path),
        "further": path_of(member, path, fan=query.fan, cursor=page.next_page.cursor)
        if page.next_page.has_more
        else "",
    }
    return View(f"{TEMPLATES}/point.html", values)


@manage.post("/points/{point_uid}", area="points", is_account_wide=True)
async def point_award(db: Db, member: Member, visit: Visit, form: HandAward, now: datetime) -> Redirect:
    """Give a fan points, or take some, with the reason."""
    try:
        await check_fan(db, member.account.id, form.fan_id)
    except Unknown as missing:
        raise BadParameters([("fan_id", missing.detail)]) from None
    new = NewAward(
        point_uid=form.point_uid, fan_id=form.fan_id, point_count=form.point_count, point_source=SOURCE,
        award_key=f"{SOURCE}:{form.award_uid}", props={"reason": form.reason, "staff_id": member.person.staff_id},
    )  # fmt: skip
    try:
        await award_points(db, member.account.id, new, now)
        texts = ("%(count)s point for the fan %(fan)s.", "%(count)s points for the fan %(fan)s.")
        flash_count(visit, texts, form.point_count, {"fan": str(form.fan_id)})
    except AwardKeyUsed:
        flash(visit, FORM_USED, kind="bad")
    except Conflict as refusal:
        flash(visit, refusal.detail, kind="bad")
    return Redirect(path_of(member, f"/points/{form.point_uid}"))


@manage.post("/points/{point_uid}/change", area="points", is_account_wide=True)
async def point_change(db: Db, member: Member, visit: Visit, form: PointChanges, now: datetime) -> Redirect:
    """Rename, describe, close or reopen a category."""
    try:
        await change_point(db, member.account.id, form, now)
        flash(visit, "Saved.")
    except Conflict as refusal:
        flash(visit, refusal.detail, kind="bad")
    return Redirect(path_of(member, f"/points/{form.point_uid}"))


@manage.post("/points/{point_uid}/undo", area="points", is_account_wide=True)
async def point_undo(db: Db, member: Member, visit: Visit, form: UndoForm, now: datetime) -> Redirect:
    """Take an award back."""
    try:
        await undo_award(db, member.account.id, form.fan_point_uid, now)
        flash(visit, "The award is taken back.")
    except Conflict as refusal:
        flash(visit, refusal.detail, kind="bad")
    return Redirect(path_of(member, f"/points/{form.point_uid}"))
