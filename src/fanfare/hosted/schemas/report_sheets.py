"""What the page of a report shows: its figures in words of the reader's language."""

import msgspec

from fanfare.kernel.pages.charts import BarChart


class Figure(msgspec.Struct, frozen=True):
    """A figure with its name."""

    name: str
    value: str


class Column(msgspec.Struct, frozen=True):
    """A column of a table; numbers stand at its end."""

    name: str
    is_number: bool


class Table(msgspec.Struct, frozen=True):
    """A table; `shares` has each row's part of the highest in per cent, if its bars are drawn.

    `hidden_count` rows are left out.
    """

    columns: list[Column]
    rows: list[list[str]]
    shares: list[float] | None = None
    hidden_count: int = 0


class Section(msgspec.Struct, frozen=True):
    """A part of the page; the first has no title. `chart` draws `chart_name` of the table's rows."""

    title: str
    figures: list[Figure] = []
    table: Table | None = None
    chart: BarChart | None = None
    chart_name: str = ""
