"""Criteria that are segments: filters, snapshots and tags that the fan is inside or outside of."""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, TypeVar

from fanfare.kernel.wire import NOTHING, Form, ListForm, Uuids, word_of
from fanfare.search.criteria.criterion import Context, Criterion, References
from fanfare.search.criteria.facts import SNAPSHOT, TAG
from fanfare.search.criteria.plans import EVERYBODY, NOBODY, AnyOf, Having, Plan, Without
from fanfare.search.criteria.tags import TAGGED, TAGGED_ANY
from fanfare.search.criteria.tickets import TicketCriteria
from fanfare.search.criteria.ties import tied
from fanfare.search.criteria.uses import conditions, plan
from fanfare.search.criteria.where import Condition

T = TypeVar("T")
Shown = str | Callable[[Sequence[str], Context], Condition]


class SegmentForm(Form):
    """A segment by its kind and id, such as `tag:7`."""

    nothing = NOTHING
    pattern = re.compile(r"tag:[0-9]{1,18}|(?:filter|snapshot):[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

    def read(self, raw: object) -> str:
        """Return the segment as it is stored."""
        text = word_of(raw)
        if not self.pattern.fullmatch(text):
            message = "must be filter:uid, snapshot:uid or tag:id"
            raise ValueError(message)
        kind, _, key = text.partition(":")
        return f"tag:{int(key)}" if kind == "tag" else text

    def schema(self) -> dict[str, object]:
        """Return the pattern."""
        return {"type": "string", "pattern": f"^(?:{self.pattern.pattern})$"}


Segments = Annotated[list[str], ListForm(SegmentForm(), maximum=100)]

INSIDE = """(select {} from snapshot_members s
    where s.account_id = $1 and s.fan_id = f.fan_id and s.snapshot_uid = {})"""
SNAPSHOTS_SHOWN = """(select coalesce(jsonb_agg(s.snapshot_uid order by s.snapshot_uid), '[]') from snapshot_members s
    where s.account_id = $1 and s.fan_id = f.fan_id)"""


def _inside_any(segments: Iterable[str], context: Context) -> Iterator[Condition]:
    """Yield what being in one of some segments asks: all tags at once, all snapshots at once, filter by filter."""
    pairs = [segment.partition(":") for segment in segments if context.has(segment)]
    if tag_ids := [int(key) for kind, _, key in pairs if kind == "tag"]:
        yield from tied(TAGGED, TAGGED_ANY, tag_ids, is_any=True)
    if uids := [uuid.UUID(key) for kind, _, key in pairs if kind == "snapshot"]:
        yield from tied(INSIDE, "any({}::uuid[])", uids, is_any=True)
    yield from (_inside_filter(key, context) for kind, _, key in pairs if kind == "filter")


def _inside_filter(uid: str, context: Context) -> Condition:
    return _joined(list(conditions(context.filters[uid], context)), " and ", "true")


def _joined(parts: Sequence[Condition], word: str, nothing: str) -> Condition:
    values = tuple(value for each in parts for value in each.values)
    return Condition(f"({word.join(each.sql for each in parts) or nothing})", values)


def _including(segments: Sequence[str], context: Context) -> Sequence[Condition]:
    if not segments:
        return []
    parts = list(_inside_any(segments, context))
    return [_joined(parts, " or ", "false") if parts else Condition("false")]


def _excluding(segments: Sequence[str], context: Context) -> Sequence[Condition]:
    # Refused before it comes to this: what cannot be told apart lets nobody in.
    unknown = [] if all(context.has(segment) for segment in segments) else [Condition("false")]
    return unknown + [Condition(f"({each.sql}) is not true", each.values) for each in _inside_any(segments, context)]


def _inside_plan(segments: Sequence[str], context: Context) -> Plan | None:
    """Return what being in one of some segments asks: all tags at once, all snapshots at once, filter by filter."""
    pairs = [segment.partition(":") for segment in segments if context.has(segment)]
    parts: list[Plan | None] = [plan(context.filters[key], context) for kind, _, key in pairs if kind == "filter"]
    if tag_ids := [int(key) for kind, _, key in pairs if kind == "tag"]:
        parts.append(Having("tag", [*tag_ids]))
    if uids := [key for kind, _, key in pairs if kind == "snapshot"]:
        parts.append(Having("snapshot", [*uids]))
    plans = [part for part in parts if part is not None]
    return AnyOf(plans) if len(plans) == len(parts) else None


def _including_plan(segments: Sequence[str], context: Context) -> Plan | None:
    return _inside_plan(segments, context) if segments else EVERYBODY


def _excluding_plan(segments: Sequence[str], context: Context) -> Plan | None:
    if not all(context.has(segment) for segment in segments):
        return NOBODY
    inside = _inside_plan(segments, context)
    return None if inside is None else Without(inside)


def _shown(segments: Sequence[str], context: Context) -> Condition:
    """Return what reads those of some segments that the fan is in."""
    cases = [(segment, part) for segment in segments for part in _inside_any([segment], context)]
    sql = ", ".join(f"case when {part.sql} then {{}}::text end" for _, part in cases)
    values = tuple(value for segment, part in cases for value in (*part.values, segment))
    return Condition(f"to_jsonb(array_remove(array[{sql}]::text[], null))", values)


def _snapshots(uids: Iterable[uuid.UUID]) -> list[str]:
    return list(dict.fromkeys(f"snapshot:{uid}" for uid in uids))


def _segments(segments: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(segments))


def _named(
    segments: Callable[[list[T]], list[str]], reads: Sequence[str], shows: Shown, *, excludes: bool
) -> Criterion[list[T]]:
    """Return what asks to be inside one, or outside all, of the segments in a value."""
    condition, planned = (_excluding, _excluding_plan) if excludes else (_including, _including_plan)
    return Criterion[list[T]](
        condition=lambda value, context: condition(segments(value), context),
        reads=reads,
        shows=shows if isinstance(shows, str) else lambda value, context: shows(segments(value), context),
        plan=lambda value, context: planned(segments(value), context),
        segments=segments,
        excludes=excludes,
    )


INCLUDED = _named(_segments, (TAG, SNAPSHOT), _shown, excludes=False)
EXCLUDED = _named(_segments, (TAG, SNAPSHOT), _shown, excludes=True)
INCLUDED_SNAPSHOTS = _named(_snapshots, (SNAPSHOT,), SNAPSHOTS_SHOWN, excludes=False)
EXCLUDED_SNAPSHOTS = _named(_snapshots, (SNAPSHOT,), SNAPSHOTS_SHOWN, excludes=True)
ANY_KIND = References({"filter": "filter:{}", "snapshot": "snapshot:{}", "tag": "tag:{}"})
SNAPSHOT_UID = References({"snapshot": "{}"})


class SegmentCriteria(TicketCriteria):
    """Which segments the fan is in, too."""

    fan_incl_segments: Annotated[
        Segments | None, "In one of these segments, each written filter:uid, snapshot:uid or tag:id", INCLUDED, ANY_KIND
    ] = None
    fan_incl_snapshot_uids: Annotated[Uuids | None, "In one of these snapshots", INCLUDED_SNAPSHOTS, SNAPSHOT_UID] = (
        None
    )
    fan_excl_segments: Annotated[Segments | None, "In none of these segments", EXCLUDED, ANY_KIND] = None
    fan_excl_snapshot_uids: Annotated[Uuids | None, "In none of these snapshots", EXCLUDED_SNAPSHOTS, SNAPSHOT_UID] = (
        None
    )


def inside(kind: str, key: str) -> dict[str, Any]:
    """Return the parameters that ask for being in one tag or one snapshot, by its id."""
    if kind == "snapshot":
        return {"fan_incl_snapshot_uids": [uuid.UUID(key)]}
    return {"fan_incl_segments": [f"tag:{int(key)}"]}
