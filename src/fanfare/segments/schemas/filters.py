"""Shapes of filters (stored searches) and snapshots (frozen lists)."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UnsetType

from fanfare.kernel.data.paging import IgnoredParameters
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Alias, Day, Flag, IntegerForm, ListForm, Text, Uuid
from fanfare.search.criteria import Criteria

MAX_FANS = 100_000

FanIds = Annotated[list[int], ListForm(IntegerForm(0), maximum=MAX_FANS)]


class FilterWindow(Params):
    """Which filters, by group and by the days on which they were made."""

    group_name: Annotated[Text | None, Alias("group name"), "Only filters of this group, in any case"] = None
    creation_start_date: Annotated[Day | None, "Created on or after this day"] = None
    creation_end_date: Annotated[Day | None, "Created on or before this day"] = None


class FilterListed(msgspec.Struct):
    """A filter. `last_search_count` is its latest count, null before the first; times are unix seconds."""

    filter_uid: uuid.UUID
    filter_name: str
    account_id: int
    creation_timestamp: int
    last_search_count: int | None
    group_name: str | None
    is_active: bool


class Filter(msgspec.Struct):
    """A filter with its `criteria`: parameters of the fan search by their names.

    `fault` says why its members cannot be kept up to date, since when, and when the next try is (unix seconds); null
    when they are.
    """

    filter_uid: uuid.UUID
    filter_name: str
    account_id: int
    creation_timestamp: int
    last_update_timestamp: int
    last_search_count: int | None
    group_name: str | None
    is_active: bool
    criteria: dict[str, Any]
    fault: str | None
    fault_timestamp: int | None
    retry_timestamp: int | None


class NewFilter(Criteria, kw_only=True):
    """A filter to create: its name and its criteria."""

    example: ClassVar[Mapping[str, object]] = {
        "filter_name": "Young and near", "fan_provinces": ["BC", "WA"], "fan_oldest_age": 25,
    }  # fmt: skip

    filter_name: Annotated[Text, "Name of the filter; unique in the account"]
    group_name: Annotated[Text | None, "Group it is listed in"] = None
    is_active: Annotated[Flag, "Whether its members are kept live"] = True


class NamedFilter(Params):
    """Which filter."""

    example: ClassVar[Mapping[str, object]] = {"filter_name": "Locals"}

    filter_name: Annotated[Text, "Name of the filter, in any case"]


class OneFilter(Params):
    """Which filter."""

    filter_uid: Annotated[Uuid, "Filter by its uid"]


class FilterChanges(OneFilter):
    """Fields of a filter to update; its criteria stay as they are."""

    example: ClassVar[Mapping[str, object]] = {"group_name": "Season 2027"}

    filter_name: Annotated[Text | None, "Its new name"] = None
    group_name: Annotated[Text | None | UnsetType, "Group it is listed in; empty for none"] = msgspec.UNSET
    is_active: Annotated[Flag | None, "Whether its members are kept live"] = None


class FilterSearch(Criteria, kw_only=True):
    """New criteria of a filter, in place of the former."""

    example: ClassVar[Mapping[str, object]] = {"fan_provinces": ["BC"], "crm_active_days": 90}

    filter_uid: Annotated[Uuid, "Filter by its uid"]


class FilterSaved(IgnoredParameters):
    """The filter that was saved."""

    filter_uid: uuid.UUID


class FanCount(IgnoredParameters):
    """The number of fans that criteria match now."""

    fan_count: int


class NewSnapshot(Params):
    """A list of fans to freeze: those a filter matches now, the result of a search, or fans by id."""

    example: ClassVar[Mapping[str, object]] = {"snapshot_name": "Opening night", "fan_ids": [1, 2]}

    snapshot_name: Annotated[Text, "Name of the list; unique in the account"]
    filter_uid: Annotated[Uuid | None, "Freeze the fans this filter matches now"] = None
    search_uid: Annotated[Uuid | None, "Freeze the result of this search; deleted fans are left out"] = None
    fan_ids: Annotated[FanIds | None, "Freeze these fans; unknown ids are left out"] = None

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Ask for exactly one source."""
        sources = [name for name in ("filter_uid", "search_uid", "fan_ids") if values.get(name) is not None]
        if not sources:
            yield "filter_uid", "is required when search_uid and fan_ids are left out"
        yield from ((name, f"cannot be given with {sources[0]}") for name in sources[1:])


class OneSnapshot(Params):
    """Which snapshot."""

    snapshot_uid: Annotated[Uuid, "Snapshot by its uid"]


class SnapshotName(OneSnapshot):
    """The new name of a snapshot."""

    example: ClassVar[Mapping[str, object]] = {"snapshot_name": "Opening night 2027"}

    snapshot_name: Annotated[Text, "Name of the list; unique in the account"]


class SnapshotRenamed(IgnoredParameters):
    """The snapshot that was renamed."""

    snapshot_uid: uuid.UUID


class SnapshotSaved(msgspec.Struct):
    """The snapshot and its number of fans."""

    snapshot_uid: uuid.UUID
    fan_count: int
