"""`make topics`: writes docs/topics.md, every topic of the change log, out of the lists of the domains."""

import sys
import types
import typing
from uuid import UUID

import msgspec

from fanfare import app
from fanfare.kernel.data.announcements import Topic, topics_of
from tests.rules.project import ROOT

FILE = ROOT / "docs" / "topics.md"
HEAD = """# Topics of the change log

Each write adds a row to the table `changes` in its own transaction: a position, a topic, the id of the subject, the
fan it is about, the time, and `data`, which contains changed field names and ids, and no personal data. The rows of an
account are read by position ([decision 2](decisions/0002-positions.md)) and kept for `FANFARE_CHANGES_DAYS` days. New
topics and new optional fields of `data` can appear: ignore those you do not know. When a fan is erased, `data` of the
fan's rows is emptied (`{}`): also ignore fields that are missing there.

`make topics` generates this file from the `topics.py` of each domain ([decision 41](decisions/0041-topics.md)).
"""
TABLE = "| topic | what happened | subject | `fan_id` | `data` |\n|---|---|---|---|---|\n"
KINDS = {int: "number", str: "string", bool: "true or false", UUID: "UUID", list[str]: "names", types.NoneType: "null"}
FANS = {"never": "", "sometimes": "or null", "always": "yes"}


def written() -> str:
    """Return the document."""
    parts = [HEAD]
    for module in app.modules("topics"):
        rows = [f"{row(topic)}\n" for topic in topics_of(module)]
        parts.append(f"## {module.__name__.split('.')[1].capitalize()}\n\n{TABLE}{''.join(rows)}")
    return "\n".join(parts)


def row(topic: Topic) -> str:
    """Return the line of a topic."""
    subject = " or ".join(f"`{part}`" for part in topic.subject.split(" or ")) if topic.subject else ""
    data = ", ".join(field(each) for each in msgspec.structs.fields(topic.data))
    cells = (f"`{topic.name}`", topic.meaning, subject, FANS[topic.fan], data)
    return "|".join(["", *(f" {cell} " if cell else " " for cell in cells), ""])


def field(result: msgspec.structs.FieldInfo) -> str:
    """Return a field of the data with its type."""
    members = typing.get_args(result.type) if isinstance(result.type, types.UnionType) else (result.type,)
    words = " or ".join(KINDS[each] for each in members if each is not msgspec.UnsetType)
    return f"`{result.name}`{'' if result.required else ' (optional)'}: {words}"


def main() -> None:
    """Write the file."""
    FILE.write_text(written(), "utf-8")
    sys.stdout.write(f"{FILE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
