"""Reads the records that a criterion may name: those whose name has some letters, and the names of some keys."""

from collections.abc import Sequence

import msgspec

from fanfare.kernel.data.db import Db
from fanfare.kernel.folding import like_pattern
from fanfare.search.criteria.criterion import References

# How many records of a kind are offered.
MAX_CHOICES = 20


class NamedRecord(msgspec.Struct, frozen=True):
    """A record that a criterion may name: its value in the criterion, its kind and its name."""

    value: str
    kind: str
    name: str


async def choices(db: Db, account_id: int, references: References, text: str) -> list[NamedRecord]:
    """Return the records whose name contains a text in any case, at most `MAX_CHOICES` of each kind."""
    return [
        NamedRecord(references.forms[kind].format(row["key"]), kind, row["name"])
        for kind, sql in references.choices.items()
        if kind in references.forms
        for row in await db.rows(sql, account_id, like_pattern(text), None, MAX_CHOICES)
        if row["name"]
    ]


async def named_records(db: Db, account_id: int, references: References, values: Sequence[str]) -> list[NamedRecord]:
    """Return the records that some values of a criterion name; those that do not exist are missing."""
    result = []
    for kind, sql in references.choices.items():
        begin = references.forms.get(kind, "").removesuffix("{}")
        keys = [each.removeprefix(begin) for each in values if kind in references.forms and each.startswith(begin)]
        rows = await db.rows(sql, account_id, "%", keys, len(keys)) if keys else []
        result += [NamedRecord(f"{begin}{row['key']}", kind, row["name"]) for row in rows]
    return result
