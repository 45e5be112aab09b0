"""Announcements: rows that a write adds to the change log, each under a topic of a closed list.

Each domain lists its topics in its `topics.py`; `app.topics` returns all of them and docs/topics.md documents them. A
statement announces in the same statement what it writes; its text is built once, when its module is imported:

    CREATE = f\"\"\"
        with {HOLD},
        inserted as (
            insert into things (account_id, thing_id, …) select $1, nextval('positions'), … from hold
            returning thing_id
        )
        {announce(THING_CREATED, "inserted", subject="thing_id", position="thing_id", at="$2")}
    \"\"\"

Whatever takes a position must read `hold`, or run in a later statement of the same transaction: `changes.py` says why.
"""

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Literal

import msgspec

from fanfare.kernel.data.db import Db

INSERT = "insert into changes (account_id, position, topic, subject_id, fan_id, occurred_at, data)\n"
# The CTE that publishes a lower bound of the positions which the statement takes; $1 is the account.
HOLD = "hold as materialized (select hold_position($1) as lower_bound)"


class NoData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data of an announcement that has none."""


class Fields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of the fields that changed."""

    fields: list[str]


class OptionalFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of the fields that changed; if they are missing, any field may have changed."""

    fields: list[str] | msgspec.UnsetType = msgspec.UNSET


class Topic(msgspec.Struct, frozen=True):
    """One kind of announcement.

    `name` is noun.verb, `meaning` one sentence about what happened. `subject` is the column (or an SQL expression over
    columns) with the id of the subject, empty if there is none. `fan` says whether an announcement names a fan. `data`
    contains names of changed fields and ids, and no personal data.
    """

    name: str
    meaning: str
    subject: str
    fan: Literal["never", "sometimes", "always"] = "never"
    data: type[msgspec.Struct] = NoData


class WrongAnnouncement(Exception):  # noqa: N818 - what it is
    """An announcement does not match its topic."""


async def hold(db: Db, account_id: int) -> None:
    """Publish the lower bound for a whole transaction, whose later statements then take positions without `HOLD`."""
    await db.execute("select hold_position($1)", account_id)


def announce(
    topic: Topic,
    source: str,
    *,
    at: str,
    subject: str | None = None,
    fan: str | None = None,
    position: str | None = None,
    **data: str,
) -> str:
    """Return the `insert` that announces each row of `source` (the text after `from`).

    Subject, fan (`fan_id`) and data are columns of the source with the names given in the topic; another value is given
    as SQL, as is the time `at`. `position` is a position that was taken before; without it each row takes its own,
    reading `hold`.
    """
    values = ", ".join(f"'{name}', {value}" for name, value in _values(topic, data).items())
    if topic.fan == "never" and fan:
        message = f"{topic.name} names no fan"
        raise WrongAnnouncement(message)
    fan = "null" if topic.fan == "never" else fan or "fan_id"
    subject = subject or topic.subject or "''"
    place, origin = (position, source) if position else ("nextval('positions')", f"hold cross join {source}")
    return (
        f"{INSERT}select $1::bigint, {place}, '{topic.name}', ({subject})::text, {fan}::bigint,"
        f" {at}::timestamptz, jsonb_build_object({values})\nfrom {origin}"
    )


def also(topic: Topic, source: str, **columns: str) -> str:
    """Return the continuation of a statement that makes a further announcement; it takes what `announce` takes."""
    return f"union all\n{announce(topic, source, **columns).removeprefix(INSERT)}"


def announced_deletion(topic: Topic, statement: str, *, returning: str, at: str = "$3") -> str:
    """Return the statement that deletes rows (`delete from …`) and announces each; it returns the key of each.

    `returning` has the columns that the topic needs, the key first. `at` is the time, as in `announce`.
    """
    return f"""
    with {HOLD},
    deleted as ({statement} returning {returning}),
    announced as (
        {announce(topic, "deleted", at=at)}
    )
    select {returning.partition(",")[0]} from deleted
    """  # noqa: S608 - fixed parts


def _values(topic: Topic, values: Mapping[str, str]) -> dict[str, str]:
    """Return the SQL of each field of the data; an optional field is included if it is given."""
    fields = msgspec.structs.fields(topic.data)
    if strays := values.keys() - {field.name for field in fields}:
        message = f"{topic.name} has no {', '.join(sorted(strays))}"
        raise WrongAnnouncement(message)
    return {
        field.name: values.get(field.name, field.name) for field in fields if field.required or field.name in values
    }


def topics_of(*modules: ModuleType) -> list[Topic]:
    """Return the topics that modules define, in source order."""
    return [value for module in modules for value in vars(module).values() if isinstance(value, Topic)]


def names(topics: Iterable[Topic]) -> frozenset[str]:
    """Return the names of topics, as in the change log."""
    return frozenset(topic.name for topic in topics)
