"""The tables as the migrations' text says them: enough of SQL to read `create table`, `alter table` and indexes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.rules.project import MIGRATIONS

QUOTED = re.compile(r"\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.DOTALL)
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
TABLE = re.compile(r"create\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?([\w.]+)\s*\((.*)\)", re.DOTALL)
INDEX = re.compile(
    r"create\s+unique\s+index\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?(\w+)\s+on\s+([\w.]+)\s*(?:using\s+\w+\s*)?\((.*)",
    re.DOTALL,
)
ALTER = re.compile(r"alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?([\w.]+)\s+(.*)", re.DOTALL)
KEY = re.compile(r"\b(primary\s+key|unique|foreign\s+key)\s*(?:nulls\s+not\s+distinct\s*)?\(([^()]*)\)")
REFERENCES = re.compile(r"\breferences\s+([\w.]+)")
CONSTRAINT = ("primary", "unique", "foreign", "check", "constraint", "exclude", "like")


@dataclass
class Key:
    """A primary key, unique index or foreign key: its columns in order, and the table it refers to."""

    kind: str
    columns: tuple[str, ...]
    name: str = ""
    to: str = ""


@dataclass
class Table:
    """A table: each column's words as written, and its keys."""

    name: str
    columns: dict[str, str] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)


def statements(sql: str) -> list[str]:
    """Return the statements of a migration in lower case, without comments and with quoted text emptied."""
    bare = QUOTED.sub("''", COMMENT.sub(" ", sql))
    return [part.strip().lower() for part in bare.split(";") if part.strip()]


def parts(text: str) -> list[str]:
    """Split at the commas that stand outside brackets."""
    result, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            result.append(text[start:place].strip())
            start = place + 1
    return [*result, text[start:].strip()]


def up_to_its_bracket(text: str) -> str:
    """Return the text before the bracket that closes what was opened before it."""
    depth = 1
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return text[:place]
    return text


def read_part(table: Table, part: str) -> None:
    """Add one line of a `create table`: a column with its own keys, or a key of several columns."""
    words = part.split()
    target = REFERENCES.search(part)
    key = KEY.search(part)
    if words[0] in CONSTRAINT:
        if key:
            columns = tuple(parts(key[2]))
            table.keys.append(Key(" ".join(key[1].split()), columns, to=target[1] if target else ""))
        return
    name = words[0]
    table.columns[name] = " ".join(words[1:])
    for kind in ("primary key", "unique"):
        if re.search(rf"\b{kind}\b", table.columns[name]):
            table.keys.append(Key(kind, (name,)))
    if target:
        table.keys.append(Key("foreign key", (name,), to=target[1]))


def read_alter(table: Table, actions: str) -> None:
    """Follow the actions of an `alter table` as far as columns and keys go."""
    for action in parts(actions):
        if added := re.match(r"add\s+(?:column\s+)?(?:if\s+not\s+exists\s+)?(?=\w)", action):
            read_part(table, action[added.end() :].strip())
        elif dropped := re.match(r"drop\s+column\s+(?:if\s+exists\s+)?(\w+)", action):
            table.columns.pop(dropped[1], None)
        elif renamed := re.match(r"rename\s+column\s+(\w+)\s+to\s+(\w+)", action):
            table.columns[renamed[2]] = table.columns.pop(renamed[1])


def tables(migrations: Iterable[str]) -> dict[str, Table]:
    """Return the tables that these migrations leave, in the order of their making."""
    result: dict[str, Table] = {}
    for statement in (each for sql in migrations for each in statements(sql)):
        if created := TABLE.match(statement):
            table = result[created[1]] = Table(created[1])
            for part in parts(created[2]):
                read_part(table, part)
        elif index := INDEX.match(statement):
            columns = tuple(parts(up_to_its_bracket(index[3])))
            result[index[2]].keys.append(Key("unique index", columns, name=index[1]))
        elif dropped := re.match(r"drop\s+table\s+(?:if\s+exists\s+)?([\w., ]+)", statement):
            for name in dropped[1].replace("cascade", "").split(","):
                result.pop(name.strip(), None)
        elif (altered := ALTER.match(statement)) and altered[1] in result:
            read_alter(result[altered[1]], altered[2])
    return result


def migration_texts(folder: Path = MIGRATIONS) -> list[str]:
    """Return the text of every migration, in order."""
    return [path.read_text("utf-8") for path in sorted(folder.glob("*.sql"))]
