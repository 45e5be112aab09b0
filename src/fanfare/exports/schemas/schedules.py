"""Shapes of schedules of exports."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from fanfare.exports.schemas.exports import FORMATS, NAMES, STORAGE, FileFormat
from fanfare.kernel.data.paging import Meta
from fanfare.kernel.errors import BadParameters
from fanfare.kernel.parameters import Params, ignored_names, read
from fanfare.kernel.wire import ChoiceForm, Flag, Id, IntegerForm, JsonObject, LimitForm, Text, Uuid
from fanfare.search.schemas.search import FanSearch

ROWS = 100
DEFAULT_DAYS = 7
Frequency = Literal["daily", "weekly", "monthly"]
Hour = Annotated[int, IntegerForm(0, 23)]
Weekday = Annotated[int, IntegerForm(1, 7)]
MonthDay = Annotated[int, IntegerForm(1, 31)]
Days = Annotated[int, IntegerForm(1, 90)]
# Parameters of a search that say which page of it.
PAGING = ("limit", "search_uid")


class ExportSchedule(msgspec.Struct):
    """A schedule of exports. Timestamps are unix seconds.

    frequency: `daily`, `weekly` (on weekday, 1 is Monday) or `monthly` (on month_day, or the last day of a shorter
    month), at hour o'clock in the account's time zone. search has the parameters of a search of fans, or is null. A
    file stays retention_days, and is written to the storage, if there is one. last_failure says why the last run made
    no export; last_export_uid is the newest export.
    """

    schedule_id: int
    schedule_uid: uuid.UUID
    name: str | None
    table: str
    format: str
    search: dict[str, Any] | None
    storage_uid: uuid.UUID | None
    frequency: Frequency
    hour: int
    weekday: int | None
    month_day: int | None
    retention_days: int
    is_active: bool
    next_run_timestamp: int
    last_run_timestamp: int | None
    last_failure: str | None
    last_export_uid: uuid.UUID | None
    last_export_state: str | None
    creation_timestamp: int
    last_update_timestamp: int


class ScheduleMeta(Meta):
    """How to request the next page, and the number of schedules in this one."""

    min_schedule_id: int | None
    count: int


class ScheduleSaved(msgspec.Struct):
    """A schedule, and when it runs next."""

    schedule_uid: uuid.UUID
    next_run_timestamp: int


class NewSchedule(Params, kw_only=True):
    """A schedule of exports to create."""

    table: Annotated[Annotated[str, ChoiceForm(*NAMES)], "What the rows are, as of an export."]
    frequency: Annotated[
        Annotated[Frequency, ChoiceForm("daily", "weekly", "monthly")], "How often: daily, weekly or monthly."
    ]
    hour: Annotated[Hour, "Hour of the day, 0 to 23, in the account's time zone."]
    weekday: Annotated[Weekday | None, "Day of a weekly schedule, from 1 (Monday) to 7."] = None
    month_day: Annotated[MonthDay | None, "Day of a monthly schedule; the last one of shorter months."] = None
    format: Annotated[Annotated[FileFormat, ChoiceForm(*FORMATS)] | None, "csv (the default), ndjson or parquet."] = (
        None
    )
    search: Annotated[JsonObject | None, "Only fans who match these parameters of GET /api/v1/crm/fans then."] = None
    retention_days: Annotated[Days | None, "How long a file stays; 7 days when left out."] = None
    name: Annotated[Text | None, "What to call it."] = None
    storage_uid: Annotated[Uuid | None, STORAGE] = None

    example: ClassVar[Mapping[str, object]] = {"table": "activities", "frequency": "daily", "hour": 4}

    @classmethod
    def faults(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Refuse a day that does not fit the frequency, and a search of fans for another table, or a wrong one."""
        for frequency, field in (("weekly", "weekday"), ("monthly", "month_day")):
            if values.get("frequency") in ("daily", "weekly", "monthly"):
                is_needed = values["frequency"] == frequency
                if is_needed != (values.get(field) is not None):
                    yield field, f"is {'required' if is_needed else 'only accepted'} with the frequency {frequency}"
        if values.get("search") is not None:
            if values.get("table") != "fans":
                yield "search", "is only accepted with the table fans"
            yield from search_faults(values["search"])


def search_faults(search: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the parameters of a search."""
    for name in ignored_names(FanSearch, {each: [search[each]] for each in search}):
        yield "search", f"{name} is not a parameter of the search"
    for name in PAGING:
        if name in search:
            yield "search", f"{name} is not a criterion"
    try:
        fan_search(search)
    except BadParameters as wrong:
        for field, message in wrong.errors:
            yield "search", f"{field}: {message}"


def stored_search(search: Mapping[str, Any]) -> dict[str, Any]:
    """Return a search as it is stored: groups that were sent as a text are JSON, so that their names are found."""
    groups = search.get("groups")
    try:
        return {**search, "groups": msgspec.json.decode(groups)} if isinstance(groups, str) and groups else {**search}
    except msgspec.DecodeError:
        return {**search}


def fan_search(search: Mapping[str, Any]) -> FanSearch:
    """Return a search from its parameters; BadParameters (422)."""
    return read(FanSearch, {name: [value] for name, value in search.items()})


class OneSchedule(Params):
    """The uid of a schedule."""

    schedule_uid: Annotated[Uuid, "Schedule by its uid."]


class ScheduleChanges(Params, kw_only=True):
    """Fields of a schedule to update; a field that is left out stays as it is."""

    schedule_uid: Annotated[Uuid, "Schedule to change."]
    is_active: Annotated[Flag | None, "Whether it runs."] = None
    frequency: Annotated[
        Annotated[Frequency, ChoiceForm("daily", "weekly", "monthly")] | None, "How often; with its day."
    ] = None
    hour: Annotated[Hour | None, "Hour of the day, 0 to 23, in the account's time zone."] = None
    weekday: Annotated[Weekday | None, "Day of a weekly schedule, from 1 (Monday) to 7."] = None
    month_day: Annotated[MonthDay | None, "Day of a monthly schedule; the last one of shorter months."] = None
    retention_days: Annotated[Days | None, "How long files of later runs stay."] = None
    name: Annotated[Text | None, "What to call it."] = None
    storage_uid: Annotated[
        Uuid | None | UnsetType, "Storage to which files of later runs are written; empty for none."
    ] = UNSET

    example: ClassVar[Mapping[str, object]] = {"hour": 5}


class ScheduleWindow(Params):
    """Which schedules to list."""

    max_schedule_id: Annotated[Id | None, "Only schedules before this one: the previous meta.min_schedule_id."] = None
    limit: Annotated[Annotated[int, LimitForm(ROWS)] | None, "Rows of a page."] = None


class CurrentSchedule(msgspec.Struct, frozen=True):
    """The row of a schedule that runs or changes."""

    schedule_id: int
    schedule_uid: uuid.UUID
    schedule_name: str | None
    table_name: str
    file_format: FileFormat
    search: dict[str, Any] | None
    frequency: Frequency
    schedule_hour: int
    weekday: int | None
    month_day: int | None
    retention_days: int
    is_active: bool
    storage_uid: uuid.UUID | None
