"""Shapes of the pages of the audit log."""

from typing import Annotated

from fanfare.kernel.parameters import Params
from fanfare.kernel.wire import Day, Id, Text, day_bounds
from fanfare.staff.schemas.audit import AuditQuery


class AuditPage(Params):
    """Which entries, by text and by days of the account."""

    text: Annotated[Text | None, "Only entries whose action, actor, address or contents contain this."] = None
    start_date: Annotated[Day | None, "Only entries from this day on."] = None
    end_date: Annotated[Day | None, "Only entries up to this day."] = None
    max_entry_number: Annotated[Id | None, "Only with a smaller number."] = None

    def query(self, time_zone: str, limit: int | None = None) -> AuditQuery:
        """Return the query as the API has it."""
        return AuditQuery(
            text=self.text,
            since=day_bounds(self.start_date, time_zone)[0] if self.start_date else None,
            until=day_bounds(self.end_date, time_zone)[1] if self.end_date else None,
            max_entry_number=self.max_entry_number,
            limit=limit,
        )

    @property
    def chosen(self) -> dict[str, str]:
        """The parameters that choose entries, for links."""
        values = {"text": self.text, "start_date": self.start_date, "end_date": self.end_date}
        return {name: str(value) for name, value in values.items() if value}
