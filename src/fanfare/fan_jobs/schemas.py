"""Shapes of fan jobs."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from fanfare.kernel.data.paging import Meta
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Id, IntegerForm, LimitForm, ListForm, Text, Uuid
from fanfare.points.schemas.points import PointCount
from fanfare.search.criteria import Criteria

ROWS = 100
MAX_FAN_IDS = 10_000
MAX_COUNT = 1_000_000_000
TAG, UNTAG, AWARD, EXPORT, SNAPSHOT, ERASE = ACTIONS = ("tag", "untag", "award", "export", "snapshot", "erase")
Action = Literal["tag", "untag", "award", "export", "snapshot", "erase"]
State = Literal["running", "completed", "failed", "cancelled"]
# What an action needs beside the fans.
NEEDS: Mapping[str, tuple[str, ...]] = {
    TAG: ("tag_name",),
    UNTAG: ("tag_name",),
    AWARD: ("point_uid", "point_count"),
    EXPORT: (),
    SNAPSHOT: ("snapshot_name",),
    ERASE: ("fan_count",),
}
SOURCES = "choose fans in one way: by criteria, by fan_ids, by search_uid, or all of them by is_everyone"


class FanJob(msgspec.Struct):
    """An action on many fans and how far it is. Timestamps are unix seconds.

    state: `running`, `completed`, `failed` (`failure` says why), `cancelled`. fan_count is null until it is known which
    fans it is about. done_count of them were gone through and changed_count were changed; the others had the tag
    already, or were deleted or merged meanwhile. result_uid is the export or snapshot that was made.
    """

    fan_job_id: int
    fan_job_uid: uuid.UUID
    action: Action
    state: State
    tag_name: str | None
    point_uid: uuid.UUID | None
    point_count: int | None
    snapshot_name: str | None
    fan_count: int | None
    done_count: int
    changed_count: int
    result_uid: uuid.UUID | None
    failure: str | None
    creation_timestamp: int
    finish_timestamp: int | None


class FanJobMeta(Meta):
    """How to request the next page, and the number of jobs in this one."""

    min_fan_job_id: int | None
    count: int


class FanJobCreated(msgspec.Struct):
    """A new job, which a worker carries out."""

    fan_job_uid: uuid.UUID


class NewFanJob(Criteria, kw_only=True):
    """An action to carry out on many fans, and which fans: by criteria of the search, by ids, by a search, or all."""

    action: Annotated[
        Annotated[Action, ChoiceForm(*ACTIONS)],
        "What to do: tag, untag, award points, export, snapshot or erase.",
    ]
    tag_name: Annotated[Text | None, "The tag to add (tag) or to remove (untag), in any case."] = None
    point_uid: Annotated[Uuid | None, "The category of the points to award."] = None
    point_count: Annotated[PointCount | None, "How many points each fan gets; negative ones are taken."] = None
    snapshot_name: Annotated[Text | None, "Name of the snapshot; unique in the account."] = None
    fan_ids: Annotated[
        Annotated[list[int], ListForm(IntegerForm(0), maximum=MAX_FAN_IDS)] | None, "Only these fans, by id."
    ] = None
    search_uid: Annotated[Uuid | None, "Only the fans of this search: the meta.search_uid of a page of fans."] = None
    is_everyone: Annotated[Flag, "All fans of the account."] = False
    fan_count: Annotated[
        Annotated[int, IntegerForm(0, MAX_COUNT)] | None,
        "How many fans there must be, else nothing is done; needed to erase.",
    ] = None

    example: ClassVar[Mapping[str, object]] = {"action": "tag", "tag_name": "Locals", "fan_provinces": ["BC"]}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse an action without what it needs, and fans that are chosen in no way or in several."""
        yield from ((name, "is required") for name in NEEDS.get(values.get("action", ""), ()) if name not in values)
        if values.get("point_count") == 0:
            yield "point_count", "must not be 0"
        ways = [
            "fan_ids" in values,
            "search_uid" in values,
            bool(values.get("is_everyone")),
            any(name in values for name in Criteria.__struct_fields__),
        ]
        if sum(ways) != 1:
            yield "fan_ids", SOURCES


class OneFanJob(Params):
    """The uid of a fan job."""

    fan_job_uid: Annotated[Uuid, "Fan job by its uid."]


class FanJobWindow(Params):
    """Which fan jobs to list."""

    max_fan_job_id: Annotated[Id | None, "Only jobs before this one: the previous meta.min_fan_job_id."] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)] | None, "Rows of a page."] = None


class CurrentFanJob(msgspec.Struct, frozen=True):
    """The row of a fan job that is worked on."""

    fan_job_id: int
    fan_job_uid: uuid.UUID
    job_action: Action
    criteria: dict[str, Any] | None
    search_uid: uuid.UUID | None
    tag_name: str | None
    point_uid: uuid.UUID | None
    point_count: int | None
    snapshot_name: str | None
    expected_count: int | None
    fan_count: int | None
    next_chunk: int
    failure_count: int
