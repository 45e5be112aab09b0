"""A table as it is exported: its rows in the order of a key, and its columns."""

from collections.abc import Mapping
from typing import Literal

import msgspec

Order = Literal["position", "id", "fan", "keys"]


class Column(msgspec.Struct, frozen=True):
    """A column: its SQL, and whether it is a text, which a spreadsheet could run as a formula."""

    sql: str
    is_text: bool = False


class Table(msgspec.Struct, frozen=True):
    """A table of an account: its key, the source of its rows, and its columns by name.

    `order` says what the key is: a position, so no row appears later below one that was read; another id; the fan, who
    has many rows, all of which are in one batch; or columns with their types, such as `tag_name text; day date`.
    """

    key: str
    source: str
    columns: Mapping[str, Column]
    order: Order = "position"


def key_parts(key: str) -> list[tuple[str, str]]:
    """Return the columns of a key with their types."""
    parts = (each.split() for each in key.split(";"))
    return [(name, kind) for name, kind in parts]


def columns(text: str) -> dict[str, Column]:
    """Return columns by name from `name`, `name=expression`, with `*` before the name of a text."""
    result: dict[str, Column] = {}
    for part in text.split(";"):
        name, equals, sql = (each.strip() for each in part.partition("="))
        plain = name.removeprefix("*")
        result[plain] = Column(sql if equals else f"t.{plain}", is_text=name.startswith("*"))
    return result
