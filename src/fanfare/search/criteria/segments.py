"""Criteria on segments: filters, snapshots and tags that the fan is in, or is not in."""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, TypeVar

from fanfare.kernel.wire import NOTHING, Form, ListForm, Uuids, word_of
from fanfare.search.criteria.criterion import Context, Criterion, Phrase, References
from fanfare.search.criteria.facts import SNAPSHOT, TAG
from fanfare.search.criteria.links import link_conditions
from fanfare.search.criteria.plans import ALL_FANS, NO_FANS, AnyOf, HasValue, Not, Plan
from fanfare.search.criteria.tags import TAGGED, TAGGED_ANY
from fanfare.search.criteria.tickets import TicketCriteria
from fanfare.search.criteria.uses import conditions_of, plan_of
from fanfare.search.criteria.where import Condition, joined

T = TypeVar("T")
Shows = str | Callable[[Sequence[str], Context], Condition]


class SegmentForm(Form):
    """The kind and id of a segment, such as `tag:7`."""

    nothing = NOTHING
    pattern = re.compile(r"tag:[0-9]{1,18}|(?:filter|snapshot):[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

    def read(self, raw: object) -> str:
        """Return the segment in the stored form."""
        text = word_of(raw)
        if not self.pattern.fullmatch(text):
            message = "must be filter:uid, snapshot:uid or tag:id"
            raise ValueError(message)
        kind, _, key = text.partition(":")
        return f"tag:{int(key)}" if kind == "tag" else text

    def schema(self) -> dict[str, object]:
        """Describe the segment by its pattern."""
        return {"type": "string", "pattern": f"^(?:{self.pattern.pattern})$"}


Segments = Annotated[list[str], ListForm(SegmentForm(), maximum=100)]

INSIDE = """(select {} from snapshot_members s
    where s.account_id = $1 and s.fan_id = f.fan_id and s.snapshot_uid = {})"""
SNAPSHOT_UIDS = """(select coalesce(jsonb_agg(s.snapshot_uid order by s.snapshot_uid), '[]') from snapshot_members s
    where s.account_id = $1 and s.fan_id = f.fan_id)"""


def _inside_any(segments: Iterable[str], context: Context) -> Iterator[Condition]:
    """Yield conditions of which one must hold: one for all tags, one for all snapshots, one for each filter.

    Segments that do not exist are left out.
    """
    pairs = [segment.partition(":") for segment in segments if context.has_segment(segment)]
    if tag_ids := [int(key) for kind, _, key in pairs if kind == "tag"]:
        yield from link_conditions(TAGGED, TAGGED_ANY, tag_ids, is_any=True)
    if uids := [uuid.UUID(key) for kind, _, key in pairs if kind == "snapshot"]:
        yield from link_conditions(INSIDE, "any({}::uuid[])", uids, is_any=True)
    yield from (_inside_filter(key, context) for kind, _, key in pairs if kind == "filter")


def _inside_filter(uid: str, context: Context) -> Condition:
    return joined(list(conditions_of(context.filters[uid], context)), " and ", "true")


def _including(segments: Sequence[str], context: Context) -> Sequence[Condition]:
    if not segments:
        return []
    parts = list(_inside_any(segments, context))
    return [joined(parts, " or ", "false") if parts else Condition("false")]


def _excluding(segments: Sequence[str], context: Context) -> Sequence[Condition]:
    # Unknown segments were refused before. If one is deleted meanwhile, nobody matches.
    unknown = [] if all(context.has_segment(segment) for segment in segments) else [Condition("false")]
    return unknown + [Condition(f"({each.sql}) is not true", each.values) for each in _inside_any(segments, context)]


def _inside_plan(segments: Sequence[str], context: Context) -> Plan | None:
    """Return the plan for fans in one of some segments, or None when the index cannot evaluate one of them."""
    pairs = [segment.partition(":") for segment in segments if context.has_segment(segment)]
    parts: list[Plan | None] = [plan_of(context.filters[key], context) for kind, _, key in pairs if kind == "filter"]
    if tag_ids := [int(key) for kind, _, key in pairs if kind == "tag"]:
        parts.append(HasValue("tag", [*tag_ids]))
    if uids := [key for kind, _, key in pairs if kind == "snapshot"]:
        parts.append(HasValue("snapshot", [*uids]))
    plans = [part for part in parts if part is not None]
    return AnyOf(plans) if len(plans) == len(parts) else None


def _including_plan(segments: Sequence[str], context: Context) -> Plan | None:
    return _inside_plan(segments, context) if segments else ALL_FANS


def _excluding_plan(segments: Sequence[str], context: Context) -> Plan | None:
    if not all(context.has_segment(segment) for segment in segments):
        return NO_FANS
    segment_parameters = _inside_plan(segments, context)
    return None if segment_parameters is None else Not(segment_parameters)


def _matching_segments(segments: Sequence[str], context: Context) -> Condition:
    """Return the SQL that reads which of some segments the fan is in."""
    cases = [(segment, part) for segment in segments for part in _inside_any([segment], context)]
    sql = ", ".join(f"case when {part.sql} then {{}}::text end" for _, part in cases)
    values = tuple(value for segment, part in cases for value in (*part.values, segment))
    return Condition(f"to_jsonb(array_remove(array[{sql}]::text[], null))", values)


def _snapshot_segments(uids: Iterable[uuid.UUID]) -> list[str]:
    return list(dict.fromkeys(f"snapshot:{uid}" for uid in uids))


def _unique(segments: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(segments))


def _segment_criterion(
    segments: Callable[[list[T]], list[str]], reads: Sequence[str], shows: Shows, *, excludes: bool
) -> Criterion[list[T]]:
    """Return a criterion on the segments in a value: the fan is in one of them or, with `excludes`, in none."""
    condition, plan_function = (_excluding, _excluding_plan) if excludes else (_including, _including_plan)
    return Criterion[list[T]](
        condition=lambda value, context: condition(segments(value), context),
        reads=reads,
        shows=shows if isinstance(shows, str) else lambda value, context: shows(segments(value), context),
        plan=lambda value, context: plan_function(segments(value), context),
        segments=segments,
        excludes=excludes,
    )


INCLUDED = _segment_criterion(_unique, (TAG, SNAPSHOT), _matching_segments, excludes=False)
EXCLUDED = _segment_criterion(_unique, (TAG, SNAPSHOT), _matching_segments, excludes=True)
INCLUDED_SNAPSHOTS = _segment_criterion(_snapshot_segments, (SNAPSHOT,), SNAPSHOT_UIDS, excludes=False)
EXCLUDED_SNAPSHOTS = _segment_criterion(_snapshot_segments, (SNAPSHOT,), SNAPSHOT_UIDS, excludes=True)
CHOICES = {
    "filter": """
        select filter_uid::text as key, filter_name as name from filters
        where account_id = $1 and fold_text(filter_name) like $2
          and ($3::text[] is null or filter_uid::text = any($3))
        order by fold_text(filter_name) limit $4
    """,
    "snapshot": """
        select snapshot_uid::text as key, snapshot_name as name from snapshots
        where account_id = $1 and fold_text(snapshot_name) like $2
          and ($3::text[] is null or snapshot_uid::text = any($3))
        order by fold_text(snapshot_name) limit $4
    """,
    "tag": """
        select tag_id::text as key, tag_name as name from tags
        where account_id = $1 and fold_text(tag_name) like $2 and ($3::text[] is null or tag_id::text = any($3))
        order by fold_text(tag_name) limit $4
    """,
}
ANY_KIND = References({"filter": "filter:{}", "snapshot": "snapshot:{}", "tag": "tag:{}"}, CHOICES)


def in_filter(filter_uid: object) -> dict[str, str]:
    """Return the criterion, by its name, that fans are in a filter."""
    return {"fan_incl_segments": f"filter:{filter_uid}"}


SNAPSHOT_UID = References({"snapshot": "{}"}, CHOICES)


class SegmentCriteria(TicketCriteria):
    """Adds the criteria on segments."""

    fan_incl_segments: Annotated[
        Segments | None,
        "In one of these segments, each written filter:uid, snapshot:uid or tag:id",
        INCLUDED,
        ANY_KIND,
        Phrase("are in one of the segments {}"),
    ] = None
    fan_incl_snapshot_uids: Annotated[
        Uuids | None,
        "In one of these snapshots",
        INCLUDED_SNAPSHOTS,
        SNAPSHOT_UID,
        Phrase("are on one of the snapshots {}"),
    ] = None
    fan_excl_segments: Annotated[
        Segments | None, "In none of these segments", EXCLUDED, ANY_KIND, Phrase("are in none of the segments {}")
    ] = None
    fan_excl_snapshot_uids: Annotated[
        Uuids | None,
        "In none of these snapshots",
        EXCLUDED_SNAPSHOTS,
        SNAPSHOT_UID,
        Phrase("are on none of the snapshots {}"),
    ] = None


def inside_parameters(segment: str) -> dict[str, Any]:
    """Return the parameters that select the fans in a segment: filter:uid, snapshot:uid or tag:id."""
    return {"fan_incl_segments": [segment]}


def segment_parameters(kind: str, key: str) -> dict[str, Any]:
    """Return the parameters that select the fans with a tag, or on a snapshot, by its id."""
    if kind == "snapshot":
        return {"fan_incl_snapshot_uids": [uuid.UUID(key)]}
    return {"fan_incl_segments": [f"tag:{int(key)}"]}
