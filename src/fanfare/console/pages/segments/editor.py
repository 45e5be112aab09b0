"""The editor of filters: criteria as sentences, with groups, and the number of fans beside them."""

from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fanfare.console.criteria.groups import Tree, raw_of_criteria, read_tree
from fanfare.console.criteria.names import refuse_names
from fanfare.console.pages.segments.acts import url
from fanfare.console.pages.segments.one import filter_of
from fanfare.console.schemas.segments import FilterForm
from fanfare.console.shell.access import manage
from fanfare.console.shell.frame import flash
from fanfare.kernel.data.db import Db
from fanfare.kernel.errors import BadParameters, Conflict, Unknown
from fanfare.kernel.pages.page import Redirect, View, Visit
from fanfare.kernel.parameters import Raw, read
from fanfare.search.criteria import Criteria
from fanfare.search.queries.stored import UnreadableCriteria, criteria_in
from fanfare.search.schemas.stats import SegmentStatus
from fanfare.segments.actions import filters
from fanfare.segments.queries.segments import segment_status
from fanfare.segments.schemas.filters import Filter, FilterSearch, NewFilter
from fanfare.segments.schemas.segments import OneSegment
from fanfare.staff.schemas.members import Member

TEMPLATES = "console/templates/segments"
# Fields of the form beside the criteria.
OTHER_FIELDS = ("filter_name", "group_name")


@manage.get("/segments/new", area="segments", right="write", is_account_wide=True)
async def segment_new(db: Db, member: Member, visit: Visit) -> View | Redirect:
    """Show the editor for a filter to make."""
    raw = visit.query or {}
    tree = await read_tree(db, member, visit.language, _with_groups(raw))
    path = f"{url(member)}/new"
    return _command(path, tree, raw) or _view(tree, path, None, raw)


@manage.get("/segments/{segment_type}/{segment_id}/edit", area="segments", right="write", is_account_wide=True)
async def segment_edit(db: Db, member: Member, visit: Visit, query: OneSegment) -> View | Redirect:
    """Show the editor for the criteria of a filter: as they are stored, or as the URL changed them."""
    edited = await _filter(db, member, query)
    raw = visit.query or {}
    fields = raw or raw_of_criteria(criteria_in(edited.criteria))
    tree = await read_tree(db, member, visit.language, fields)
    path = f"{url(member, query)}/edit"
    return _command(path, tree, raw) or _view(tree, path, edited, raw)


@manage.get("/segments/count", area="segments")
async def segment_count(db: Db, member: Member, visit: Visit, now: datetime) -> View:
    """Show how many fans the criteria of the editor match."""
    tree = await read_tree(db, member, visit.language, _with_groups(visit.query or {}))
    status = await _status(db, member, tree.criteria, now)
    return View(f"{TEMPLATES}/count.html", {"status": status})


@manage.post("/segments/new", area="segments", is_account_wide=True)
async def segment_create(
    db: Db, member: Member, visit: Visit, form: FilterForm, raw: Raw, now: datetime
) -> View | Redirect:
    """Store a new filter; a button of the criteria leads back to the editor."""
    path = f"{url(member)}/new"
    tree = await read_tree(db, member, visit.language, raw)
    if tree.has_command or not form.save:
        return Redirect(_editor_url(path, tree, raw))
    try:
        new = NewFilter(filter_name=_name(form), group_name=form.group_name, **_values(tree))
        filter_uid = await filters.create_filter(db, member.account, new, now)
    except (BadParameters, Conflict) as refused:
        return _view(tree, path, None, raw, _message(refused))
    flash(visit, "The filter is saved; its members are being found.")
    return Redirect(url(member, OneSegment(segment_type="filter", segment_id=str(filter_uid))))


@manage.post("/segments/{segment_type}/{segment_id}/edit", area="segments", is_account_wide=True)
async def segment_save(
    db: Db, member: Member, visit: Visit, form: FilterForm, raw: Raw, now: datetime
) -> View | Redirect:
    """Replace the criteria of a filter; a button of the criteria leads back to the editor."""
    target = OneSegment(segment_type=form.segment_type or "", segment_id=form.segment_id or "")
    edited = await _filter(db, member, target)
    path = f"{url(member, target)}/edit"
    tree = await read_tree(db, member, visit.language, raw)
    if tree.has_command or not form.save:
        return Redirect(_editor_url(path, tree, raw))
    try:
        query = FilterSearch(filter_uid=edited.filter_uid, **_values(tree))
        await filters.change_criteria(db, member.account, query, now)
    except BadParameters as refused:
        return _view(tree, path, edited, raw, _message(refused))
    flash(visit, "The criteria are saved; the members are being found again.")
    return Redirect(url(member, target))


async def _filter(db: Db, member: Member, target: OneSegment) -> Filter:
    """Return the filter to edit; Unknown (404) for another kind of segment.

    RoleForbids (403) for one whose criteria name people whom the role hides: the editor would show the names.
    """
    if target.segment_type != "filter":
        raise Unknown(segment=target.segment_id[:40])
    edited = await filter_of(db, member, target)
    assert edited is not None  # noqa: S101 - it is a filter
    with suppress(UnreadableCriteria):
        refuse_names(member, criteria_in(edited.criteria), "segments")
    return edited


def _with_groups(raw: Raw) -> Raw:
    """Return the fields of the editor for a query with `groups` as JSON, as the API has it; others as they are."""
    if "groups" not in raw or "node" in raw:
        return raw
    try:
        from_json = raw_of_criteria(read(Criteria, {"groups": raw["groups"]}))
    except BadParameters:
        return raw
    return {**raw, **{name: values for name, values in from_json.items() if name not in raw}}


def _values(tree: Tree) -> dict[str, Any]:
    """Return the criteria as fields of a filter; BadParameters (422) while something is wrong."""
    if tree.criteria is None:
        raise BadParameters([("criteria", fault) for fault in tree.faults] or [("criteria", "has a fault")])
    return {name: getattr(tree.criteria, name) for name in Criteria.__struct_fields__}


def _name(form: FilterForm) -> str:
    if not form.filter_name:
        raise BadParameters([("filter_name", "is required")])
    return form.filter_name


def _message(refused: BadParameters | Conflict) -> str:
    return " ".join(refused.errors[0]) if isinstance(refused, BadParameters) else refused.detail


def _editor_url(path: str, tree: Tree, raw: Raw) -> str:
    names = [(name, str(raw[name][0])) for name in OTHER_FIELDS if raw.get(name)]
    return f"{path}?{urlencode([*tree.pairs, *names, ('edited', 'true')])}"


def _command(path: str, tree: Tree, raw: Raw) -> Redirect | None:
    """Lead to the page without the command, so that it is carried out once."""
    return Redirect(_editor_url(path, tree, raw)) if tree.has_command else None


def _view(tree: Tree, path: str, edited: Filter | None, raw: Raw, fault: str = "") -> View:
    names = {name: str((raw.get(name) or [""])[0]) for name in OTHER_FIELDS}
    values = {"tree": tree, "path": path, "filter": edited, "fault": fault, **names}
    return View(f"{TEMPLATES}/editor.html", values, 422 if fault else 200)


async def _status(db: Db, member: Member, criteria: Criteria | None, now: datetime) -> SegmentStatus | None:
    if criteria is None:
        return None
    try:
        return await segment_status(db, member.account, criteria, now, member.business_ids)
    except BadParameters:
        return None
