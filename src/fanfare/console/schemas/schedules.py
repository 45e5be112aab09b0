"""Shapes of the forms of schedules: a form sends every day, of which the frequency takes one."""

from typing import Annotated, Any

from msgspec import UNSET

from fanfare.exports.schemas.exports import FORMATS, NAMES, FileFormat
from fanfare.exports.schemas.schedules import (
    Days,
    Frequency,
    Hour,
    MonthDay,
    NewSchedule,
    ScheduleChanges,
    Weekday,
)
from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import ChoiceForm, Flag, Text, Uuid
from fanfare.search.criteria.segments import in_filter

DAYS = {"weekly": "weekday", "monthly": "month_day"}


def _days(form: "ScheduleForm | ScheduleChangesForm") -> dict[str, Any]:
    """Return the day that the frequency takes."""
    name = DAYS.get(form.frequency or "")
    return {name: getattr(form, name)} if name else {}


class ScheduleForm(Params, kw_only=True):
    """A schedule to create."""

    table: Annotated[Annotated[str, ChoiceForm(*NAMES)], "What the rows are."]
    frequency: Annotated[Annotated[Frequency, ChoiceForm("daily", "weekly", "monthly")], "How often."]
    hour: Annotated[Hour, "Hour of the day."]
    weekday: Annotated[Weekday | None, "Day of a weekly schedule."] = None
    month_day: Annotated[MonthDay | None, "Day of a monthly schedule."] = None
    format: Annotated[Annotated[FileFormat, ChoiceForm(*FORMATS)] | None, "Format of the file."] = None
    filter_uid: Annotated[Uuid | None, "Only fans of this segment."] = None
    retention_days: Annotated[Days | None, "How long a file stays."] = None
    name: Annotated[Text | None, "What to call it."] = None
    storage_uid: Annotated[Uuid | None, "Storage to which files are written."] = None

    def schedule(self) -> NewSchedule:
        """Return the schedule as the call has it; a segment is one of fans."""
        has_search = self.filter_uid is not None and self.table == "fans"
        search = in_filter(self.filter_uid) if has_search else None
        return NewSchedule(
            table=self.table, frequency=self.frequency, hour=self.hour, format=self.format, search=search,
            retention_days=self.retention_days, name=self.name, storage_uid=self.storage_uid, **_days(self),
        )  # fmt: skip


class ScheduleChangesForm(Params, kw_only=True):
    """What is to be changed of a schedule."""

    schedule_uid: Annotated[Uuid, "Schedule to change."]
    is_active: Annotated[Flag | None, "Whether it runs."] = None
    frequency: Annotated[Annotated[Frequency, ChoiceForm("daily", "weekly", "monthly")] | None, "How often."] = None
    hour: Annotated[Hour | None, "Hour of the day."] = None
    weekday: Annotated[Weekday | None, "Day of a weekly schedule."] = None
    month_day: Annotated[MonthDay | None, "Day of a monthly schedule."] = None
    retention_days: Annotated[Days | None, "How long files of later runs stay."] = None
    name: Annotated[Text | None, "What to call it."] = None
    storage_uid: Annotated[Uuid | None, "Storage to which files of later runs are written."] = None

    def changes(self) -> ScheduleChanges:
        """Return the changes as the call has them; a form with a frequency has all fields, the others one button."""
        return ScheduleChanges(
            schedule_uid=self.schedule_uid, is_active=self.is_active, frequency=self.frequency, hour=self.hour,
            retention_days=self.retention_days, name=self.name,
            storage_uid=self.storage_uid if self.frequency else UNSET, **_days(self),
        )  # fmt: skip
